// Latents to token rows and back: the reshapes around the transformer's patch embedding and output projection.
// B batch, F frames, C channels, H W rows and columns of latents, p patch size in space, p_t in time, S tokens.
// Source: diffusers, models/embeddings.py (CogVideoXPatchEmbed) and cogvideox_transformer_3d.py (unpatchify).

/** Size of a patch: `p` x `p` latents of `pT` frames (1 where the config has no patch_size_t). */
export interface Patch {
  readonly p: number;
  readonly pT: number;
}

/** Latents [B, F, C, H, W]; H and W are multiples of `p`, F of `pT`. */
export interface LatentShape {
  readonly batch: number;
  readonly frames: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Number of tokens along each axis; tokens are ordered frame, row, column. */
export interface TokenGrid {
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
}

/** A run of token rows, `to` not included. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

export function tokenGrid(shape: Omit<LatentShape, "batch" | "channels">, { p, pT }: Patch): TokenGrid {
  return { frames: shape.frames / pT, rows: shape.height / p, columns: shape.width / p };
}

export function tokenCount(grid: TokenGrid): number {
  return grid.frames * grid.rows * grid.columns;
}

/** Token rows [B, S, C * p_t * p * p] of `latents`, features ordered (c, p_t, p_h, p_w); S is all rows or those of `range`. */
export function patchify(
  latents: Float32Array,
  shape: LatentShape,
  patch: Patch,
  range: RowRange = { from: 0, to: tokenCount(tokenGrid(shape, patch)) },
): Float32Array<ArrayBuffer> {
  const tokens = new Float32Array(shape.batch * (range.to - range.from) * features(shape, patch));
  walk(shape, patch, range, (token, latent) => {
    for (let x = 0; x < patch.p; x++) tokens[token + x] = latents[latent + x] as number;
  });
  return tokens;
}

/** The inverse of `patchify`: writes the rows of `range` to their place in `latents` [B, F, C, H, W]. */
export function unpatchify(
  tokens: Float32Array,
  latents: Float32Array,
  shape: LatentShape,
  patch: Patch,
  range: RowRange = { from: 0, to: tokenCount(tokenGrid(shape, patch)) },
): void {
  walk(shape, patch, range, (token, latent) => {
    for (let x = 0; x < patch.p; x++) latents[latent + x] = tokens[token + x] as number;
  });
}

function features({ channels }: LatentShape, { p, pT }: Patch): number {
  return channels * pT * p * p;
}

/** Calls `visit` with the offsets of every run of p elements that lie side by side in the tokens and in the latents. */
function walk(
  shape: LatentShape,
  patch: Patch,
  { from, to }: RowRange,
  visit: (token: number, latent: number) => void,
): void {
  const { batch, frames, channels, height, width } = shape;
  const { p, pT } = patch;
  const { rows, columns } = tokenGrid(shape, patch);
  let token = 0;
  for (let b = 0; b < batch; b++) {
    for (let s = from; s < to; s++) {
      const column = s % columns;
      const row = Math.floor(s / columns) % rows;
      const frame = Math.floor(s / (columns * rows));
      for (let c = 0; c < channels; c++) {
        for (let t = 0; t < pT; t++) {
          const plane = ((b * frames + frame * pT + t) * channels + c) * height;
          for (let y = 0; y < p; y++) {
            visit(token, (plane + row * p + y) * width + column * p);
            token += p;
          }
        }
      }
    }
  }
}
