import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig } from "../checkpoint/configs.js";
import type { Weights } from "../checkpoint/weights.js";
import { type TokenGrid, tokenCount } from "../latents/patches.js";
import type { Graph, Precision } from "../session.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import {
  afterAttention,
  attend,
  beforeAttention,
  embed,
  head,
  innerDim,
  lengths,
  type Rotary,
  type Streams,
  type TransformerContext,
  timeEmbedding,
} from "./transformer-segments.js";

/** A buffer that diffusers has saved in some versions; the graph of a model without learned positions has no use for it. */
const POSITIONS = "patch_embed.pos_embedding";

/**
 * The whole transformer as one graph for every size. Inputs (float32 unless said), where the config has them:
 *
 *   hidden_states          [B, S_v, p_t * p * p * C_in]   token rows (latents/patches.ts)
 *   encoder_hidden_states  [B, S_t, text_embed_dim]
 *   time_sinusoid          [B, D], ofs_sinusoid [1, E]    (latents/sincos.ts)
 *   rotary_cos, rotary_sin [S_t + S_v, head_dim / 2]      (latents/rotary.ts)
 *   frame_positions        [F, D / 4], column_positions [W, 3 D / 8], row_positions [H, 3 D / 8]: not rotary, or learned
 *   frame_index, column_index, row_index   int32 [S_v]: the row of each table that a token takes
 *   learned_text_index int32 [S_t], learned_video_index int32 [S_v]: the row of the checkpoint's learned positions
 *   learned_scale          [1]: 1 adds those rows, 0 leaves them out
 *
 * Output: sample float32 [B, S_v, p_t * p * p * C_out].
 */
export function transformerGraph(config: TransformerConfig, weights: Weights, precision: Precision): Graph {
  if (precision === "fp16" && config.useRotaryPositionalEmbeddings)
    throw new ClusterError(
      "unsupported",
      "fp16 is not possible with checkpoints of the CogVideoX-5B family (rotary positions): their activations " +
        "overflow to NaN; use bf16 or fp32",
    );
  const g = new GraphBuilder("transformer", precision);
  const m: TransformerContext = { g, weights, config };
  const streams = positioned(m, embed(m, inputStreams(m)));
  const time = timeEmbedding(
    m,
    floatInput(g, "time_sinusoid", ["B", innerDim(config)]),
    config.ofsEmbedDim === null ? undefined : floatInput(g, "ofs_sinusoid", [1, config.ofsEmbedDim]),
  );
  const rotary = config.useRotaryPositionalEmbeddings ? rotaryInputs(m) : undefined;
  const n = lengths(m, streams);
  let x = streams;
  for (let layer = 0; layer < config.numLayers; layer++) {
    const { attended, gates } = beforeAttention(m, layer, x, time, rotary, n);
    const attention = attend(m, attended, config.numAttentionHeads);
    x = afterAttention(m, layer, x, attention, gates, time, n);
  }
  const sample = head(m, x.video, time);
  g.output("sample", g.cast(sample, "float32"), ["B", "S_v", outFeatures(config)], "float32");
  weights.requireAllUsed((name) => name === POSITIONS && !config.useLearnedPositionalEmbeddings);
  return g.build();
}

function outFeatures({ outChannels, patchSize, patchSizeT }: TransformerConfig): number {
  return outChannels * (patchSizeT ?? 1) * patchSize ** 2;
}

/** A float32 input, in the type computed in. */
function floatInput(g: GraphBuilder, name: string, dims: readonly (number | string)[]): Value {
  const value = g.input(name, dims, "float32");
  return g.computeType === "float32" ? value : g.cast(value, g.computeType);
}

function inputStreams({ g, config }: TransformerContext): Streams {
  const features = config.inChannels * (config.patchSizeT ?? 1) * config.patchSize ** 2;
  return {
    video: floatInput(g, "hidden_states", ["B", "S_v", features]),
    text: floatInput(g, "encoder_hidden_states", ["B", "S_t", config.textEmbedDim]),
  };
}

function rotaryInputs({ g, config }: TransformerContext): Rotary {
  const dims = ["S", config.attentionHeadDim / 2];
  return { cos: g.input("rotary_cos", dims, "float32"), sin: g.input("rotary_sin", dims, "float32") };
}

/** Adds the positions that are added: sincos (2B), or learned with sincos in their place for other frame counts (5B-I2V). */
function positioned(m: TransformerContext, { text, video }: Streams): Streams {
  const { g, config } = m;
  const { useLearnedPositionalEmbeddings: isLearned, useRotaryPositionalEmbeddings: isRotary } = config;
  if (isRotary && !isLearned) return { text, video };
  const D = innerDim(config);
  const part = (axis: string, length: string, width: number): Value => {
    const table = floatInput(g, `${axis}_positions`, [length, width]);
    return g.node("Gather", [table, g.input(`${axis}_index`, ["S_v"], "int32")], { axis: 0 });
  };
  const sincos = g.node(
    "Concat",
    [part("frame", "F", D / 4), part("column", "W", (3 * D) / 8), part("row", "H", (3 * D) / 8)],
    { axis: 1 },
  );
  const placed = g.node("Add", [video, sincos]);
  if (!isLearned) return { text, video: placed };
  const learned = learnedPositions(m);
  return { text: g.node("Add", [text, learned.text]), video: g.node("Add", [placed, learned.video]) };
}

/** Gathered in the type stored, then cast: the table is never expanded. */
function learnedPositions({ g, weights, config }: TransformerContext): Streams {
  const D = innerDim(config);
  const rows = config.maxTextSeqLength + tokenCount(nativeGrid(config));
  const ref = weights.get(POSITIONS, [1, rows, D]);
  const table = g.storedWeight(ref, [rows, D]);
  const scale = floatInput(g, "learned_scale", [1]);
  const part = (name: string, length: string): Value => {
    const gathered = g.node("Gather", [table, g.input(name, [length], "int32")], { axis: 0 });
    return g.node("Mul", [ref.type === g.computeType ? gathered : g.cast(gathered, g.computeType), scale]);
  };
  return { text: part("learned_text_index", "S_t"), video: part("learned_video_index", "S_v") };
}

/** The tokens of a video of the size that the config names. */
export function nativeGrid(config: TransformerConfig): TokenGrid {
  return {
    frames: Math.floor((config.sampleFrames - 1) / config.temporalCompressionRatio) + 1,
    rows: Math.floor(config.sampleHeight / config.patchSize),
    columns: Math.floor(config.sampleWidth / config.patchSize),
  };
}
