// What the transformer's graph is told about where tokens stand, for one size of video.
import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig } from "./checkpoint/configs.js";
import { nativeGrid } from "./graph/transformer-inputs.js";
import { innerDim } from "./graph/transformer-segments.js";
import { type TokenGrid, tokenCount } from "./latents/patches.js";
import { linspacePositions, rotaryRows, slicePositions } from "./latents/rotary.js";
import { sincosTables } from "./latents/sincos.js";
import type { Tensor } from "./session.js";

/** Size of a transformer's input, in latents and text tokens. */
export interface TransformerSize {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly textTokens: number;
}

/** Throws `invalid_request`, with every reason, for a size that the checkpoint's positions do not reach. */
export function requireSize(config: TransformerConfig, size: TransformerSize): void {
  const { patchSize: p, patchSizeT: pT } = config;
  const { useRotaryPositionalEmbeddings: isRotary, useLearnedPositionalEmbeddings: isLearned } = config;
  const sample = nativeGrid(config);
  const frame = `latents of ${size.height}x${size.width}`;
  const rules: readonly (readonly [isBroken: boolean, problem: string])[] = [
    [
      size.height <= 0 || size.width <= 0 || size.height % p !== 0 || size.width % p !== 0,
      `${frame}: height and width must be positive multiples of patch_size ${p}`,
    ],
    [
      size.frames <= 0 || size.frames % (pT ?? 1) !== 0,
      `${size.frames} latent frames: must be a positive multiple of patch_size_t ${pT ?? 1}`,
    ],
    [
      pT !== null && (size.height / p > sample.rows || size.width / p > sample.columns),
      `${frame} exceed the checkpoint's ${sample.rows * p}x${sample.columns * p}`,
    ],
    [
      isLearned && (size.height !== config.sampleHeight || size.width !== config.sampleWidth),
      `${frame}: this checkpoint has learned positions for ${config.sampleHeight}x${config.sampleWidth} only`,
    ],
    [
      (isLearned || !isRotary) && size.textTokens !== config.maxTextSeqLength,
      `${size.textTokens} text tokens: this checkpoint takes exactly max_text_seq_length, ${config.maxTextSeqLength}`,
    ],
    [size.textTokens < 1, `${size.textTokens} text tokens: must be at least 1`],
  ];
  const problems = rules.filter(([isBroken]) => isBroken).map(([, problem]) => problem);
  if (problems.length > 0) throw new ClusterError("invalid_request", problems.join("; "));
}

/** The graph's position inputs, by name (graph/transformer.ts), for a size that `requireSize` accepts. */
export function positionInputs(
  config: TransformerConfig,
  size: TransformerSize,
): Readonly<Record<string, Tensor>> {
  const { patchSize: p, patchSizeT } = config;
  const grid: TokenGrid = {
    frames: size.frames / (patchSizeT ?? 1),
    rows: size.height / p,
    columns: size.width / p,
  };
  const { useRotaryPositionalEmbeddings: isRotary, useLearnedPositionalEmbeddings: isLearned } = config;
  return {
    ...(isRotary ? rotaryTensors(config, grid, size.textTokens) : {}),
    ...(!isRotary || isLearned ? sincosTensors(config, grid) : {}),
    ...(isLearned ? learnedTensors(config, grid) : {}),
  };
}

function rotaryTensors(config: TransformerConfig, grid: TokenGrid, textTokens: number) {
  const base = nativeGrid(config);
  const positions = config.patchSizeT === null ? linspacePositions(grid, base) : slicePositions(grid);
  const { cos, sin } = rotaryRows(positions, config.attentionHeadDim, textTokens);
  const dims = [textTokens + tokenCount(grid), config.attentionHeadDim / 2];
  return { rotary_cos: floats(cos, dims), rotary_sin: floats(sin, dims) };
}

/** Learned positions are for the native frame count; diffusers computes sincos ones in their place for others. */
function usesLearnedRows(config: TransformerConfig, grid: TokenGrid): boolean {
  return config.useLearnedPositionalEmbeddings && grid.frames === nativeGrid(config).frames;
}

function sincosTensors(config: TransformerConfig, grid: TokenGrid) {
  const D = innerDim(config);
  const tables = sincosTables(grid, D, {
    spatial: config.spatialInterpolationScale,
    temporal: config.temporalInterpolationScale,
  });
  if (usesLearnedRows(config, grid)) for (const table of Object.values(tables)) table.fill(0);
  const index = (of: (token: number) => number): Tensor => {
    const data = Int32Array.from({ length: tokenCount(grid) }, (_, token) => of(token));
    return { type: "int32", data, dims: [data.length] };
  };
  return {
    frame_positions: floats(tables.frames, [grid.frames, D / 4]),
    column_positions: floats(tables.columns, [grid.columns, (3 * D) / 8]),
    row_positions: floats(tables.rows, [grid.rows, (3 * D) / 8]),
    frame_index: index((s) => Math.floor(s / (grid.rows * grid.columns))),
    column_index: index((s) => s % grid.columns),
    row_index: index((s) => Math.floor(s / grid.columns) % grid.rows),
  };
}

function learnedTensors(config: TransformerConfig, grid: TokenGrid) {
  const used = usesLearnedRows(config, grid);
  const index = (length: number, first: number): Tensor => {
    const data = Int32Array.from({ length }, (_, i) => (used ? first + i : 0));
    return { type: "int32", data, dims: [length] };
  };
  return {
    learned_text_index: index(config.maxTextSeqLength, 0),
    learned_video_index: index(tokenCount(grid), config.maxTextSeqLength),
    learned_scale: floats(Float32Array.of(used ? 1 : 0), [1]),
  };
}

function floats(data: Float32Array, dims: readonly number[]): Tensor {
  return { type: "float32", data, dims };
}
