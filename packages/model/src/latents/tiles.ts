// How the VAE cuts rows and columns into overlapping tiles, and blends what comes out (diffusers,
// AutoencoderKLCogVideoX.tiled_encode, tiled_decode, blend_v, blend_h). Each tile has its own norms: tiling is an
// approximation, but the same tiles give the same numbers wherever they are computed.
import { ClusterError } from "@cogfleet/core";
import type { VaeConfig } from "../checkpoint/configs.js";
import type { Volume } from "./volume.js";

/** What diffusers' enable_tiling takes. Sizes are in pixels, factors are shares of a tile. */
export interface TilingOptions {
  /** Default: half of the config's sample_height. */
  readonly tileSampleMinHeight?: number;
  /** Default: half of the config's sample_width. */
  readonly tileSampleMinWidth?: number;
  /** Default: 1/6. */
  readonly tileOverlapFactorHeight?: number;
  /** Default: 1/5. */
  readonly tileOverlapFactorWidth?: number;
}

/** Tiles along one axis: of what goes in, and of what comes out. */
export interface TileAxis {
  /** Elements that go into a tile; the last tiles have fewer. */
  readonly span: number;
  /** Elements from one tile to the next. */
  readonly stride: number;
  /** Elements of what comes out that are blended with the tile before. */
  readonly blend: number;
  /** Elements of what comes out that are kept, before the next tile begins. */
  readonly keep: number;
}

export interface TilePlan {
  readonly rows: TileAxis;
  readonly columns: TileAxis;
}

/** Tiles of latents for the decoder. `unsupported` when they do not fit together: diffusers' picture has a wrong size then. */
export function decodeTiles(config: VaeConfig, options: TilingOptions = {}): TilePlan {
  return planOf(config, options, ({ sampleMin, latentMin, factor }) => {
    const blend = Math.trunc(sampleMin * factor);
    return { span: latentMin, stride: Math.trunc(latentMin * (1 - factor)), blend, keep: sampleMin - blend };
  });
}

/** Tiles of frames for the encoder. */
export function encodeTiles(config: VaeConfig, options: TilingOptions = {}): TilePlan {
  return planOf(config, options, ({ sampleMin, latentMin, factor }) => {
    const blend = Math.trunc(latentMin * factor);
    return { span: sampleMin, stride: Math.trunc(sampleMin * (1 - factor)), blend, keep: latentMin - blend };
  });
}

/** Whether a size is cut into tiles at all. */
export function isTiled({ rows, columns }: TilePlan, height: number, width: number): boolean {
  return height > rows.span || width > columns.span;
}

/** Where tiles begin along an axis, and how far each goes. */
export function tilesAlong(
  { span, stride }: TileAxis,
  length: number,
): readonly { readonly start: number; readonly length: number }[] {
  return Array.from({ length: Math.ceil(length / stride) }, (_, i) => ({
    start: i * stride,
    length: Math.min(span, length - i * stride),
  }));
}

/**
 * Cross-fades the upper rows of `tile` with the lower rows of the tile `above` it, then its first columns with the last
 * ones of the tile to its `left`, in place. Both neighbours are blended already: tiles come in raster order. The
 * extent is limited to the smaller of the two tiles.
 */
export function blendTile(
  tile: Volume,
  { above, left }: { readonly above: Volume | undefined; readonly left: Volume | undefined },
  { rows, columns }: TilePlan,
): void {
  if (above !== undefined) {
    const extent = Math.min(above.height, tile.height, rows.blend);
    for (let y = 0; y < extent; y++)
      crossFade(tile, above, fadeAt(y, extent), {
        offset: y * tile.width,
        otherOffset: (above.height - extent + y) * above.width,
        step: 1,
        count: tile.width,
      });
  }
  if (left !== undefined) {
    const extent = Math.min(left.width, tile.width, columns.blend);
    for (let x = 0; x < extent; x++)
      crossFade(tile, left, fadeAt(x, extent), {
        offset: x,
        otherOffset: left.width - extent + x,
        step: tile.width,
        otherStep: left.width,
        count: tile.height,
      });
  }
}

// torch takes a Python number times a float32 tensor as a float32 number.
function fadeAt(i: number, extent: number): { readonly own: number; readonly other: number } {
  return { own: Math.fround(i / extent), other: Math.fround(1 - i / extent) };
}

/** Blends one line of every plane. */
function crossFade(
  tile: Volume,
  other: Volume,
  fade: { readonly own: number; readonly other: number },
  line: {
    readonly offset: number;
    readonly otherOffset: number;
    readonly step: number;
    readonly otherStep?: number;
    readonly count: number;
  },
): void {
  const { fround } = Math;
  const { step, otherStep = step, count } = line;
  for (let plane = 0; plane < tile.channels * tile.frames; plane++) {
    let at = plane * tile.height * tile.width + line.offset;
    let otherAt = plane * other.height * other.width + line.otherOffset;
    for (let i = 0; i < count; i++) {
      const before = fround((other.data[otherAt] as number) * fade.other);
      tile.data[at] = before + fround((tile.data[at] as number) * fade.own);
      at += step;
      otherAt += otherStep;
    }
  }
}

interface AxisNumbers {
  readonly sampleMin: number;
  readonly latentMin: number;
  readonly factor: number;
}

function planOf(
  config: VaeConfig,
  options: TilingOptions,
  axisOf: (numbers: AxisNumbers) => TileAxis,
): TilePlan {
  const scale = 2 ** (config.blockOutChannels.length - 1);
  const problems: string[] = [];
  const axis = (name: "height" | "width", sampleMin: number, factor: number): TileAxis => {
    const latentMin = Math.trunc(sampleMin / scale);
    const plan = axisOf({ sampleMin, latentMin, factor });
    const fits = (a: number, b: number): boolean => a === b * scale || b === a * scale;
    if (plan.stride < 1 || plan.blend < 0 || !fits(plan.stride, plan.keep) || sampleMin !== latentMin * scale)
      problems.push(
        `tile_sample_min_${name} ${sampleMin} and tile_overlap_factor_${name} ${factor} give tiles that do not fit ` +
          `together: both the tile and its overlap must be multiples of ${scale} pixels, the overlap less than a tile`,
      );
    return plan;
  };
  const plan = {
    rows: axis(
      "height",
      options.tileSampleMinHeight ?? Math.floor(config.sampleHeight / 2),
      options.tileOverlapFactorHeight ?? 1 / 6,
    ),
    columns: axis(
      "width",
      options.tileSampleMinWidth ?? Math.floor(config.sampleWidth / 2),
      options.tileOverlapFactorWidth ?? 1 / 5,
    ),
  };
  if (problems.length > 0)
    throw new ClusterError("unsupported", `the VAE cannot work in tiles: ${problems.join("; ")}`);
  return plan;
}
