// The inputs of the transformer's graph: everything before the first layer, and the table of positions it is given.
// B batch, S_t text tokens, S_v video tokens, D = heads x head_dim, E time_embed_dim.
import type { TransformerConfig } from "../checkpoint/configs.js";
import { type TokenGrid, tokenCount } from "../latents/patches.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import {
  embed,
  innerDim,
  type Rotary,
  type Streams,
  type TransformerContext,
  timeEmbedding,
} from "./transformer-segments.js";

/** The checkpoint's learned positions; some versions of diffusers saved sincos ones under this name. */
export const POSITIONS = "patch_embed.pos_embedding";

/**
 * Adds the inputs of a forward pass, those that the config has, and all that comes before the first layer. Float32
 * unless said; S_t and S_v may be a rank's own rows, S_t none.
 *
 *   hidden_states          [B, S_v, p_t * p * p * C_in]   token rows (latents/patches.ts)
 *   encoder_hidden_states  [B, S_t, text_embed_dim]
 *   time_sinusoid          [B, D], ofs_sinusoid [1, E]    (latents/sincos.ts)
 *   rotary_cos, rotary_sin [S_t + S_v, head_dim / 2]      (latents/rotary.ts)
 *   frame_positions        [F, D / 4], column_positions [W, 3 D / 8], row_positions [H, 3 D / 8]: not rotary, or learned
 *   frame_index, column_index, row_index   int32 [S_v]: the row of each table that a token takes
 *   learned_text_index int32 [S_t], learned_video_index int32 [S_v]: the row of the checkpoint's learned positions
 *   learned_scale          [1]: 1 adds those rows, 0 leaves them out
 */
export function transformerInputs(m: TransformerContext): {
  readonly x: Streams;
  readonly time: Value;
  readonly rotary: Rotary | undefined;
} {
  const { g, config } = m;
  const x = positioned(m, embed(m, inputStreams(m)));
  const time = timeEmbedding(
    m,
    floatInput(g, "time_sinusoid", ["B", innerDim(config)]),
    config.ofsEmbedDim === null ? undefined : floatInput(g, "ofs_sinusoid", [1, config.ofsEmbedDim]),
  );
  return { x, time, rotary: rotaryInputs(m) };
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

/** The inputs rotary_cos and rotary_sin; none where the model is not rotary. */
export function rotaryInputs({ g, config }: TransformerContext): Rotary | undefined {
  if (!config.useRotaryPositionalEmbeddings) return undefined;
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
