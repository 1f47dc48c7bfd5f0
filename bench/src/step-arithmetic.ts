import { type Graph, GraphBuilder, type TransformerConfig, type Value, type Weights } from "@cogfleet/model";
import type { StepSize } from "./one-worker-step.js";

/**
 * The least that a forward pass must compute: every matrix product of the transformer, with the checkpoint's own
 * weights, and every attention, one after the other at the step's shapes. No bias, norm, rotation, GELU, residual or
 * reshuffle is in it. Input: row float32 [1, D]. Output: a few numbers, so that nothing is left out as unused.
 */
export function stepArithmeticGraph(config: TransformerConfig, weights: Weights, size: StepSize): Graph {
  const { batch, videoTokens, textTokens } = size;
  const { timeEmbedDim: E, textEmbedDim, patchSize: p, inChannels, outChannels, numAttentionHeads } = config;
  const D = numAttentionHeads * config.attentionHeadDim;
  const pixels = p * p;
  const g = new GraphBuilder("step-arithmetic", "fp32");
  const row = g.input("row", [1, D]);
  const ones = (rows: number, width: number): Value => {
    const narrow = g.node("Slice", [row, g.ints([0]), g.ints([1]), g.ints([1])]);
    return g.node("Expand", [narrow, g.ints([rows, width])]);
  };
  const gemm = (x: Value, name: string, inDim: number, outDim: number, storedDims = [outDim, inDim]) =>
    g.node("Gemm", [x, g.weight(weights.get(`${name}.weight`, storedDims), [outDim, inDim])], { transB: 1 });
  const kept: Value[] = [];
  const keep = (x: Value): void => {
    const first = g.node("Gather", [x, g.ints([0])], { axis: 0 });
    kept.push(g.node("Slice", [first, g.ints([0]), g.ints([1]), g.ints([1])]));
  };

  keep(gemm(ones(batch * textTokens, textEmbedDim), "patch_embed.text_proj", textEmbedDim, D));
  const patches = ones(batch * videoTokens, inChannels * pixels);
  keep(gemm(patches, "patch_embed.proj", inChannels * pixels, D, [D, inChannels, p, p]));
  const time = gemm(gemm(ones(batch, D), "time_embedding.linear_1", D, E), "time_embedding.linear_2", E, E);
  let x = g.node("Expand", [row, g.ints([batch * (textTokens + videoTokens), D])]);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const block = `transformer_blocks.${layer}`;
    keep(gemm(time, `${block}.norm1.linear`, E, 6 * D));
    const [q, k, v] = ["to_q", "to_k", "to_v"].map((name) =>
      g.node("Reshape", [gemm(x, `${block}.attn1.${name}`, D, D), g.ints([batch, -1, D])]),
    );
    const attended = g.node(
      "MultiHeadAttention",
      [q, k, v],
      { num_heads: numAttentionHeads },
      "com.microsoft",
    );
    x = gemm(g.node("Reshape", [attended, g.ints([-1, D])]), `${block}.attn1.to_out.0`, D, D);
    keep(gemm(time, `${block}.norm2.linear`, E, 6 * D));
    x = gemm(gemm(x, `${block}.ff.net.0.proj`, D, 4 * D), `${block}.ff.net.2`, 4 * D, D);
  }
  keep(gemm(time, "norm_out.linear", E, 2 * D));
  const video = g.node("Slice", [x, g.ints([0]), g.ints([batch * videoTokens]), g.ints([0])]);
  keep(gemm(video, "proj_out", D, outChannels * pixels));
  g.output("kept", g.node("Concat", kept, { axis: 1 }), [1, kept.length]);
  return g.build();
}

/** Floating-point operations of those products and attentions. */
export function stepFlops(config: TransformerConfig, { batch, videoTokens, textTokens }: StepSize): number {
  const D = config.numAttentionHeads * config.attentionHeadDim;
  const S = videoTokens + textTokens;
  const layer = 24 * S * D * D + 4 * S * S * D + 2 * 12 * D * config.timeEmbedDim;
  const patches = config.patchSize ** 2 * (config.inChannels + config.outChannels);
  const ends = 2 * videoTokens * patches * D + 2 * textTokens * config.textEmbedDim * D;
  return batch * (config.numLayers * layer + ends);
}
