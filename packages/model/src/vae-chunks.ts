// Runs a half of the VAE over a video: chunk after chunk, and tile after tile.
// T frames of a chunk, F frames of the video, C channels, H W rows and columns.
import { ClusterError } from "@cogfleet/core";
import type { FrameSize } from "./components.js";
import type { VaeHalf } from "./graph/vae-chain.js";
import { CACHED_FRAMES, cachePorts } from "./graph/vae-layers.js";
import { blendTile, isTiled, type TilePlan, type TilingOptions, tilesAlong } from "./latents/tiles.js";
import { type Area, cutBox, emptyVolume, pasteBox, type Volume } from "./latents/volume.js";
import type { Session, Tensor } from "./session.js";

/** A half of the VAE whose graph is loaded. */
export interface LoadedHalf {
  readonly half: VaeHalf;
  readonly session: Session;
}

/** Called when a chunk of a tile is done. */
type OnChunk = (done: number, of: number) => void;

/** Computes a volume, in tiles if there is a plan for them. */
export async function runHalf(
  loaded: LoadedHalf,
  video: Volume,
  tiles: TilePlan | undefined,
  onChunk: OnChunk,
  signal: AbortSignal,
): Promise<Volume> {
  const { half } = loaded;
  const chunks = half.chunks(video.frames).length;
  let done = 0;
  if (tiles === undefined) {
    const area = { top: 0, height: video.height, left: 0, width: video.width };
    return runArea(loaded, video, area, () => onChunk(++done, chunks), signal);
  }

  const rows = tilesAlong(tiles.rows, video.height);
  const columns = tilesAlong(tiles.columns, video.width);
  const count = (): void => onChunk(++done, chunks * rows.length * columns.length);
  const out = emptyOutput(half, video);
  let above: readonly Volume[] = [];
  for (const [i, { start: top, length: height }] of rows.entries()) {
    const row: Volume[] = [];
    for (const [j, { start: left, length: width }] of columns.entries()) {
      const tile = await runArea(loaded, video, { top, height, left, width }, count, signal);
      blendTile(tile, { above: above[j], left: row[j - 1] }, tiles);
      keepTile(out, tile, tiles, i, j);
      row.push(tile);
    }
    above = row;
  }
  return out;
}

/** What a caller gives, as a volume; `tensor_mismatch` when there are more or fewer values than `size` says. */
export function requireVolume(half: VaeHalf, data: Float32Array, size: FrameSize): Volume {
  const { channels } = half.input;
  const { frames, height, width } = size;
  const count = channels * frames * height * width;
  if (count === 0 || data.length !== count)
    throw new ClusterError(
      "tensor_mismatch",
      `${half.name} got ${data.length} values for [${[channels, frames, height, width].join(", ")}]`,
    );
  return { data, channels, frames, height, width };
}

/** The plan for a size, or none where it goes in one piece. */
export function tilesFor(
  tiling: boolean | TilingOptions,
  plan: (options: TilingOptions) => TilePlan,
  { height, width }: FrameSize,
): TilePlan | undefined {
  if (tiling === false) return undefined;
  const tiles = plan(tiling === true ? {} : tiling);
  return isTiled(tiles, height, width) ? tiles : undefined;
}

/** Computes an area of a volume, with the convolution caches handed from chunk to chunk. */
async function runArea(
  { half, session }: LoadedHalf,
  video: Volume,
  area: Area,
  onChunk: () => void,
  signal: AbortSignal,
): Promise<Volume> {
  const out = emptyOutput(half, { ...area, frames: video.frames });
  let caches = noCaches(half, area);
  let frame = 0;
  for (const { from, to } of half.chunks(video.frames)) {
    signal.throwIfAborted();
    const data = cutBox(video, { ...area, frame: from, frames: to - from });
    const dims = [to - from, video.channels, area.height, area.width];
    const inputs = { ...caches, [half.input.name]: { type: "float32", data, dims } as const };
    const outputs = await session.run(inputs, signal, { transfer: Object.keys(inputs) });
    const frames = half.framesOut(to - from);
    const box = { top: 0, height: out.height, left: 0, width: out.width, frame, frames };
    pasteBox(out, box, floatOutput(outputs, half, half.output.name));
    frame += frames;
    caches = nextCaches(half, outputs);
    onChunk();
  }
  return out;
}

function emptyOutput(
  half: VaeHalf,
  { frames, height, width }: Pick<Volume, "frames" | "height" | "width">,
): Volume {
  const { channels, level } = half.output;
  return emptyVolume({
    channels,
    frames: half.chunks(frames).reduce((sum, { from, to }) => sum + half.framesOut(to - from), 0),
    height: half.sizeAt(level, height),
    width: half.sizeAt(level, width),
  });
}

function noCaches(half: VaeHalf, { height, width }: Area): Record<string, Tensor> {
  return Object.fromEntries(
    half.convs.map(({ name, inChannels, level }) => [
      cachePorts(name).before,
      {
        type: "float32",
        data: new Float32Array(0),
        dims: [0, inChannels, half.sizeAt(level, height), half.sizeAt(level, width)],
      },
    ]),
  );
}

function nextCaches(half: VaeHalf, outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    half.convs.map(({ name }) => {
      const { before, after } = cachePorts(name);
      const cache = outputs[after];
      if (cache?.dims[0] !== CACHED_FRAMES)
        throw new ClusterError("internal", `${half.name} gave no 2 frames of ${after}`);
      return [before, cache];
    }),
  );
}

function floatOutput(outputs: Readonly<Record<string, Tensor>>, half: VaeHalf, name: string): Float32Array {
  const output = outputs[name];
  if (output?.type !== "float32") throw new ClusterError("internal", `${half.name} gave no float32 ${name}`);
  return output.data;
}

/** Copies what is kept of tile (i, j) to its place. */
function keepTile(out: Volume, tile: Volume, { rows, columns }: TilePlan, i: number, j: number): void {
  const height = Math.min(rows.keep, tile.height);
  const width = Math.min(columns.keep, tile.width);
  const kept = cutBox(tile, { top: 0, height, left: 0, width, frame: 0, frames: tile.frames });
  const place = { top: i * rows.keep, height, left: j * columns.keep, width };
  pasteBox(out, { ...place, frame: 0, frames: tile.frames }, kept);
}
