// 3-D rotary position embedding: cosines and sines of every token row.
// Source: diffusers, models/embeddings.py (get_3d_rotary_pos_embed) and pipelines/cogvideo (get_resize_crop_region_for_grid).
import { roundHalfEven } from "../half-even.js";
import type { RowRange, TokenGrid } from "./patches.js";
import { tokenCount } from "./patches.js";

const THETA = 10_000;

/** One value for each pair of adjacent elements of a head, float32 [S, head_dim / 2]. */
export interface RotaryRows {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Where the tokens of each axis stand. */
interface AxisPositions {
  readonly frames: Float32Array;
  readonly rows: Float32Array;
  readonly columns: Float32Array;
}

/** CogVideoX 1.5, grid type "slice": plain integers. */
export function slicePositions(grid: TokenGrid): AxisPositions {
  const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);
  return { frames: count(grid.frames), rows: count(grid.rows), columns: count(grid.columns) };
}

/** CogVideoX 1.0, grid type "linspace": the grid is scaled into the middle of the `base` grid that the model was trained on. */
export function linspacePositions(
  grid: TokenGrid,
  base: { readonly rows: number; readonly columns: number },
): AxisPositions {
  const isTall = grid.rows / grid.columns > base.rows / base.columns;
  const rows = isTall ? base.rows : roundHalfEven((base.columns / grid.columns) * grid.rows);
  const columns = isTall ? roundHalfEven((base.rows / grid.rows) * grid.columns) : base.columns;
  const top = roundHalfEven((base.rows - rows) / 2);
  const left = roundHalfEven((base.columns - columns) / 2);
  return {
    frames: linspace(0, grid.frames, grid.frames),
    rows: linspace(top, top + rows, grid.rows),
    columns: linspace(left, left + columns, grid.columns),
  };
}

/** torch.linspace(start, stop * (n - 1) / n, n) in float32, bit for bit. */
function linspace(start: number, stop: number, n: number): Float32Array {
  const last = Math.fround((stop * (n - 1)) / n);
  const step = Math.fround(Math.fround(last - start) / (n - 1));
  return Float32Array.from({ length: n }, (_, i) => {
    if (n === 1) return start;
    return i < n >> 1 ? start + step * i : last - step * (n - 1 - i);
  });
}

/** Rows of the joint sequence: `textTokens` rows that are left as they are (cos 1, sin 0), then the video's. */
export function rotaryRows(
  positions: AxisPositions,
  headDim: number,
  textTokens: number,
  range: RowRange = { from: 0, to: textTokens + gridTokens(positions) },
): RotaryRows {
  // Widths in pairs: a quarter of the head for time, three eighths each for row and column.
  const axes = [
    angles(positions.frames, headDim / 4),
    angles(positions.rows, (headDim / 8) * 3),
    angles(positions.columns, (headDim / 8) * 3),
  ] as const;
  const width = headDim / 2;
  const cos = new Float32Array((range.to - range.from) * width).fill(1);
  const sin = new Float32Array(cos.length);
  const rows = positions.rows.length;
  const columns = positions.columns.length;
  for (let s = Math.max(range.from, textTokens); s < range.to; s++) {
    const v = s - textTokens;
    const indices = [Math.floor(v / (rows * columns)), Math.floor(v / columns) % rows, v % columns] as const;
    let at = (s - range.from) * width;
    for (const [axis, table] of axes.entries()) {
      const first = (indices[axis] as number) * table.width;
      cos.set(table.cos.subarray(first, first + table.width), at);
      sin.set(table.sin.subarray(first, first + table.width), at);
      at += table.width;
    }
  }
  return { cos, sin };
}

function gridTokens({ frames, rows, columns }: AxisPositions): number {
  return tokenCount({ frames: frames.length, rows: rows.length, columns: columns.length });
}

/** Rounded to float32 after every operation, as torch does. */
function angles(positions: Float32Array, dim: number): RotaryRows & { readonly width: number } {
  const width = dim / 2;
  const frequencies = Float32Array.from({ length: width }, (_, j) =>
    Math.fround(1 / Math.fround(THETA ** Math.fround((2 * j) / dim))),
  );
  const cos = new Float32Array(positions.length * width);
  const sin = new Float32Array(cos.length);
  for (let i = 0; i < cos.length; i++) {
    const angle = Math.fround(
      (positions[Math.floor(i / width)] as number) * (frequencies[i % width] as number),
    );
    cos[i] = Math.cos(angle);
    sin[i] = Math.sin(angle);
  }
  return { cos, sin, width };
}
