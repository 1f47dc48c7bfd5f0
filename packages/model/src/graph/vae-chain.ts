// One half of the VAE (encoder or decoder) as a chain of links. A causal convolution is a link of its own, since there
// a chunk needs frames of the chunk before: the chain can be made one graph, or be cut at any of them, so that chunks
// run on several workers layer by layer and hand each other 2 frames at every cut.
import type { Weights } from "../checkpoint/weights.js";
import type { FrameRange } from "../latents/chunks.js";
import type { Graph, Precision } from "../session.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import type { LayerContext } from "./layers.js";
import {
  type CausalConv,
  causalConv,
  type FrameCache,
  floatInput,
  floatOutput,
  lastFrames,
  portAfter,
  portBefore,
  portDims,
} from "./vae-layers.js";

/** What goes from link to link: the activations, and beside them what a resnet block adds at its end. */
export interface Live {
  readonly x: Value;
  readonly skip?: Value;
}

export interface ConvLink extends CausalConv {
  readonly kind: "conv";
  /** Channels of the skip that waits meanwhile. */
  readonly skipChannels?: number;
}

/** Layers that need nothing but their own chunk. `Context` is what the half's layers share in one graph. */
interface ChunkLink<Context> {
  readonly kind: "chunk";
  readonly name: string;
  /** It neither reads nor changes the skip. */
  readonly leavesSkip?: true;
  apply(context: Context, live: Live): Live;
}

export type Link<Context> = ConvLink | ChunkLink<Context>;

/** What a half of the VAE does to chunks [T, C, H, W], whoever computes it. */
export interface VaeHalf {
  readonly name: string;
  /** Its causal convolutions, in order: a chunk takes and gives a cache for each. */
  readonly convs: readonly ConvLink[];
  readonly input: { readonly name: string; readonly channels: number };
  readonly output: { readonly name: string; readonly channels: number; readonly level: number };
  /** Height or width at a level, of a chunk that came in with `size`. */
  sizeAt(level: number, size: number): number;
  /** How it cuts a video of so many frames. */
  chunks(frames: number): readonly FrameRange[];
  /** Frames that come out of a chunk of so many. */
  framesOut(frames: number): number;
}

/** A half with its layers. */
export interface Chain<Context> extends VaeHalf {
  /** The first one is a convolution. */
  readonly links: readonly Link<Context>[];
  /** Starts a graph. `chunk` gives what came in by `input`, in every part of the chain; it is a port only if asked for. */
  context(m: LayerContext, chunk: () => Value): Context;
}

export function causalConvs<Context>(links: readonly Link<Context>[]): readonly ConvLink[] {
  return links.filter((link) => link.kind === "conv");
}

/** A run of links from one causal convolution to before another, or to the end: `to` is not included. */
export interface LinkRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The graph that computes one chunk through all links, or through those of `range`. All ports are float32 [T, C, H, W]:
 *
 *   cache.<conv> in, next.<conv> out   the 2 frames before this chunk's first and before the next one's, at each causal
 *                                      convolution; the video's first chunk gives 0 frames. Where `range` begins there
 *                                      is no next: whoever gives in.x has its last frames already
 *   input in, output out               the chunk at the ends of the chain
 *   in.x, in.skip in, out.x, out.skip out   in their place where `range` cuts the chain; neither skip is a port when it
 *                                           goes through unread: it stays with the caller
 *   out.tail out                       the last 2 frames of out.x, or its only one: all that others need of it
 */
export function chunkGraph<Context>(
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
  range: LinkRange = { from: 0, to: chain.links.length },
): Graph {
  const { links, input, output } = chain;
  const isWhole = range.from === 0 && range.to === links.length;
  const name = isWhole ? chain.name : `${chain.name}.${range.from}-${range.to}`;
  const g = new GraphBuilder(name, vaePrecision(precision));
  const m: LayerContext = { g, weights };
  const ports: FrameCache = {
    before: (conv) => portBefore(g, conv),
    after: (conv, last) => portAfter(g, conv, last),
  };
  let port: Value | undefined;
  const chunk = (): Value => {
    port ??= floatInput(g, input.name, portDims("frames", input.channels, 0));
    return port;
  };
  const context = chain.context(m, chunk);
  const within = links.slice(range.from, range.to);
  const isSkipRead = within.some((link) => link.kind === "chunk" && link.leavesSkip !== true);
  let live: Live = range.from === 0 ? { x: chunk() } : cutInputs(g, convAt(chain, range.from), isSkipRead);
  for (const [i, link] of within.entries())
    live = g.in(link.name, () => {
      if (link.kind === "chunk") return link.apply(context, live);
      const givesNext = isWhole || i > 0;
      return { ...live, x: causalConv(m, link, live.x, givesNext ? ports : { before: ports.before }) };
    });
  if (range.to < links.length) cutOutputs(g, convAt(chain, range.to), live);
  else floatOutput(g, output.name, live.x, portDims("frames_out", output.channels, output.level));
  return g.build();
}

/** ONNX has no bfloat16 convolution at the opset that graphs are written in: float32 is computed instead. */
export function vaePrecision(precision: Precision): Precision {
  return precision === "bf16" ? "fp32" : precision;
}

function convAt<Context>(chain: Chain<Context>, index: number): ConvLink {
  const link = chain.links[index];
  if (link?.kind !== "conv")
    throw new RangeError(`${chain.name} cannot be cut at link ${index}: it is no causal convolution`);
  return link;
}

function cutInputs(
  g: GraphBuilder,
  { inChannels, skipChannels, level }: ConvLink,
  isSkipRead: boolean,
): Live {
  const x = floatInput(g, "in.x", portDims("frames_here", inChannels, level));
  if (skipChannels === undefined || !isSkipRead) return { x };
  return { x, skip: floatInput(g, "in.skip", portDims("frames_here", skipChannels, level)) };
}

function cutOutputs(g: GraphBuilder, { inChannels, skipChannels, level }: ConvLink, live: Live): void {
  floatOutput(g, "out.x", live.x, portDims("frames_next", inChannels, level));
  floatOutput(g, "out.tail", lastFrames(g, live.x), portDims("frames_tail", inChannels, level));
  if (skipChannels !== undefined && live.skip !== undefined)
    floatOutput(g, "out.skip", live.skip, portDims("frames_next", skipChannels, level));
}
