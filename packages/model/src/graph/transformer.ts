import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig } from "../checkpoint/configs.js";
import type { Weights } from "../checkpoint/weights.js";
import type { Graph, Precision } from "../session.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import { POSITIONS, transformerInputs } from "./transformer-inputs.js";
import {
  afterAttention,
  attend,
  beforeAttention,
  head,
  lengths,
  type TransformerContext,
} from "./transformer-segments.js";

/**
 * The whole transformer as one graph for every size. Inputs: see `transformerInputs`. Output: sample float32
 * [B, S_v, p_t * p * p * C_out]. `unsupported` for a precision that the checkpoint cannot be computed in.
 */
export function transformerGraph(config: TransformerConfig, weights: Weights, precision: Precision): Graph {
  requirePrecision(config, precision);
  const m: TransformerContext = { g: new GraphBuilder("transformer", precision), weights, config };
  const { x: first, time, rotary } = transformerInputs(m);
  const n = lengths(m, first);
  let x = first;
  for (let layer = 0; layer < config.numLayers; layer++) {
    const { attended, gates } = beforeAttention(m, layer, x, time, rotary, n);
    const attention = attend(m, attended, config.numAttentionHeads);
    x = afterAttention(m, layer, x, attention, gates, time, n);
  }
  sampleOutput(m, x.video, time);
  requireWeightsUsed(config, weights);
  return m.g.build();
}

/** Throws `unsupported`, with the reason, for a precision that the checkpoint cannot be computed in. */
export function requirePrecision(config: TransformerConfig, precision: Precision): void {
  if (precision === "fp16" && config.useRotaryPositionalEmbeddings)
    throw new ClusterError(
      "unsupported",
      "fp16 is not possible with checkpoints of the CogVideoX-5B family (rotary positions): their activations " +
        "overflow to NaN; use bf16 or fp32",
    );
}

/** Adds the end of the model and its output, from the video's stream after the last layer. */
export function sampleOutput(m: TransformerContext, video: Value, time: Value): void {
  const { outChannels, patchSize, patchSizeT } = m.config;
  const features = outChannels * (patchSizeT ?? 1) * patchSize ** 2;
  m.g.output("sample", m.g.cast(head(m, video, time), "float32"), ["B", "S_v", features], "float32");
}

/** `invalid_checkpoint` for weights that no graph of the model has asked for, save a saved table of sincos positions. */
export function requireWeightsUsed(config: TransformerConfig, weights: Weights): void {
  weights.requireAllUsed((name) => name === POSITIONS && !config.useLearnedPositionalEmbeddings);
}
