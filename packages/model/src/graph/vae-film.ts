// All chunks of a half of the VAE in one graph: the frames that a causal convolution hands to the next chunk never leave it.
import type { Weights } from "../checkpoint/weights.js";
import type { Graph, Precision } from "../session.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import type { LayerContext } from "./layers.js";
import { type Chain, type Live, vaePrecision } from "./vae-chain.js";
import { causalConv, type FrameCache, floatInput, floatOutput, portBefore, portDims } from "./vae-layers.js";

/** The port of a chunk. */
export const filmPort = (name: string, chunk: number): string => `${name}.${chunk}`;

/**
 * The graph that computes `count` chunks one after the other. Ports are those of the chunk graph, float32 [T, C, H, W]:
 * input.<i> in and output.<i> out for each chunk, and cache.<conv> in, which the first chunk takes and gets no frames by.
 */
export function filmGraph<Context>(
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
  count: number,
): Graph {
  const g = new GraphBuilder(`${chain.name}.film${count}`, vaePrecision(precision));
  const m: LayerContext = { g, weights };
  const carried = new Map<string, Value>();
  const cache: FrameCache = {
    before: (conv) => carried.get(conv.name) ?? portBefore(g, conv),
    after: (conv, last) => void carried.set(conv.name, last),
  };
  for (let i = 0; i < count; i++) addChunk(m, chain, cache, i);
  return g.build();
}

function addChunk<Context>(m: LayerContext, chain: Chain<Context>, cache: FrameCache, i: number): void {
  const { g } = m;
  const { input, output, links } = chain;
  const port = floatInput(g, filmPort(input.name, i), portDims(`frames_${i}`, input.channels, 0));
  const context = chain.context(m, () => port);
  let live: Live = { x: port };
  for (const link of links)
    live = g.in(link.name, () =>
      link.kind === "chunk" ? link.apply(context, live) : { ...live, x: causalConv(m, link, live.x, cache) },
    );
  const dims = portDims(`frames_out_${i}`, output.channels, output.level);
  floatOutput(g, filmPort(output.name, i), live.x, dims);
}
