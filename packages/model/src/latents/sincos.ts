// Sines and cosines that are added: 3-D positions of CogVideoX-2B, and the embedding of a timestep.
// Source: diffusers, models/embeddings.py (get_3d_sincos_pos_embed, get_timestep_embedding).
import type { TokenGrid } from "./patches.js";

const MAX_PERIOD = 10_000;

/**
 * The embedding of a token is one row of each table, side by side: its frame's [F, D / 4], its column's
 * [W, 3 D / 8] and its row's [H, 3 D / 8]. Computed in float64, rounded once.
 */
export interface SincosTables {
  readonly frames: Float32Array;
  readonly columns: Float32Array;
  readonly rows: Float32Array;
}

/** `scale` divides the positions: interpolation from the size that the model was trained on. */
export function sincosTables(
  grid: TokenGrid,
  dim: number,
  scale: { readonly spatial: number; readonly temporal: number },
): SincosTables {
  return {
    frames: sincosTable(grid.frames, dim / 4, scale.temporal),
    columns: sincosTable(grid.columns, (3 * dim) / 8, scale.spatial),
    rows: sincosTable(grid.rows, (3 * dim) / 8, scale.spatial),
  };
}

function sincosTable(positions: number, dim: number, scale: number): Float32Array {
  const half = dim / 2;
  const table = new Float32Array(positions * dim);
  for (let i = 0; i < positions; i++) {
    const position = Math.fround(i / scale); // a float32 in diffusers too
    for (let k = 0; k < half; k++) {
      const angle = position * (1 / MAX_PERIOD ** (k / half));
      table[i * dim + k] = Math.sin(angle);
      table[i * dim + half + k] = Math.cos(angle);
    }
  }
  return table;
}

/**
 * Rows [B, dim] for `values` (timesteps, or ofs). Frequencies and angles are float32 there, so they are here. torch's
 * exp is not always rounded correctly: one last bit of a frequency moves the output by 2e-6 at timestep 999.
 */
export function timestepSinusoid(
  values: readonly number[],
  dim: number,
  options: { readonly flipSinToCos: boolean; readonly freqShift: number },
): Float32Array {
  const half = Math.floor(dim / 2);
  const rows = new Float32Array(values.length * dim); // an odd width ends in a zero
  const [sinAt, cosAt] = options.flipSinToCos ? [half, 0] : [0, half];
  for (let k = 0; k < half; k++) {
    const exponent = Math.fround(Math.fround(-Math.log(MAX_PERIOD)) * k);
    const frequency = Math.fround(Math.exp(Math.fround(exponent / (half - options.freqShift))));
    for (const [b, value] of values.entries()) {
      const angle = Math.fround(value * frequency);
      rows[b * dim + sinAt + k] = Math.sin(angle);
      rows[b * dim + cosAt + k] = Math.cos(angle);
    }
  }
  return rows;
}
