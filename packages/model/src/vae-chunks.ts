// Runs a half of the VAE over a video: chunk after chunk, and tile after tile.
// T frames of a chunk, F frames of the video, C channels, H W rows and columns.
import { ClusterError } from "@cogfleet/core";
import type { FrameSize } from "./components.js";
import type { VaeHalf } from "./graph/vae-chain.js";
import { CACHED_FRAMES, cachePorts } from "./graph/vae-layers.js";
import type { FrameRange } from "./latents/chunks.js";
import { TileBlender, tileGrid } from "./latents/tile-grid.js";
import { isTiled, type TilePlan, type TilingOptions } from "./latents/tiles.js";
import { cutBox, emptyVolume, pasteBox, type Volume } from "./latents/volume.js";
import type { Given, Session, Tensor } from "./session.js";

/** A half of the VAE whose graph is loaded. */
export interface LoadedHalf {
  readonly half: VaeHalf;
  readonly session: Session;
  /** Computes all chunks at once; where it is there it is tried first. */
  readonly film?: Film | undefined;
}

/** All chunks of an area in one run. Calls must not overlap. */
export interface Film {
  /** The computed chunks; undefined when the device has no room for them all. The inputs stay the caller's. */
  run(chunks: readonly Tensor[], signal: AbortSignal): Promise<readonly ChunkOutput[] | undefined>;
  close(): Promise<void>;
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
  const { areas, columns } = tileGrid(tiles, video);
  const chunks = half.chunks(video.frames);
  const places = outputRanges(half, video.frames);
  const out = outputVolume(half, video);
  const blender = tiles === undefined ? undefined : new TileBlender(out, tiles, columns);
  let done = 0;
  for (const area of areas) {
    const tile = blender === undefined ? out : outputVolume(half, { ...area, frames: video.frames });
    const cut = (i: number): Tensor => {
      const { from, to } = chunks[i] as FrameRange;
      const data = cutBox(video, { ...area, frame: from, frames: to - from });
      return { type: "float32", data, dims: [to - from, video.channels, area.height, area.width] };
    };
    const paste = (i: number, { data }: ChunkOutput): void => {
      const { from, to } = places[i] as FrameRange;
      const box = { top: 0, height: tile.height, left: 0, width: tile.width };
      pasteBox(tile, { ...box, frame: from, frames: to - from }, data);
      onChunk(++done, areas.length * chunks.length);
    };
    await runChunks(loaded, chunks.length, cut, paste, signal);
    blender?.add(tile);
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
  { height, width }: Pick<FrameSize, "height" | "width">,
): TilePlan | undefined {
  if (tiling === false) return undefined;
  const tiles = plan(tiling === true ? {} : tiling);
  return isTiled(tiles, height, width) ? tiles : undefined;
}

/** A computed chunk, float32 [T, C, H, W]. */
export type ChunkOutput = Extract<Tensor, { readonly type: "float32" }>;

/**
 * Computes the chunks 0, 1, ... of an area, with the convolution caches handed from chunk to chunk. `chunk(i)` is asked
 * for when its turn has come, float32 [T, C, H, W], and is given away.
 */
export async function runChunks(
  { half, session, film }: LoadedHalf,
  count: number,
  chunk: (i: number) => Tensor,
  onOutput: (i: number, output: ChunkOutput) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = film === undefined ? undefined : Array.from({ length: count }, (_, i) => chunk(i));
  const computed = known && (await film?.run(known, signal));
  if (computed !== undefined) {
    for (const [i, output] of computed.entries()) onOutput(i, output);
    return;
  }
  let caches: Record<string, Tensor> | undefined;
  for (let i = 0; i < count; i++) {
    signal.throwIfAborted();
    const input = known?.[i] ?? chunk(i);
    const inputs = { ...(caches ?? noCaches(half, input)), [half.input.name]: input };
    const outputs = await session.run(inputs, signal, { transfer: Object.keys(inputs) });
    onOutput(i, requireFloats(outputs, half.name, half.output.name));
    caches = nextCaches(half, outputs);
  }
}

/** The frames that each chunk of a video of so many frames becomes. */
export function outputRanges(half: VaeHalf, frames: number): readonly FrameRange[] {
  let from = 0;
  return half.chunks(frames).map((chunk) => {
    const range = { from, to: from + half.framesOut(chunk.to - chunk.from) };
    from = range.to;
    return range;
  });
}

/** Zeros, of the size that a half makes of `size`. */
export function outputVolume(half: VaeHalf, { frames, height, width }: FrameSize): Volume {
  const { channels, level } = half.output;
  return emptyVolume({
    channels,
    frames: outputRanges(half, frames).at(-1)?.to ?? 0,
    height: half.sizeAt(level, height),
    width: half.sizeAt(level, width),
  });
}

/** A float32 output of a graph; `internal` when it has no such. */
export function requireFloats(
  outputs: Readonly<Record<string, Given>>,
  graph: string,
  name: string,
): ChunkOutput {
  const output = outputs[name];
  if (output?.type !== "float32" || !("data" in output))
    throw new ClusterError("internal", `${graph} gave no float32 ${name}`);
  return output;
}

/** What the video's first chunk takes for a cache: no frames. `height` and `width` are those of the half's input. */
export function noCache(
  half: VaeHalf,
  conv: VaeHalf["convs"][number],
  { height, width }: Pick<FrameSize, "height" | "width">,
): ChunkOutput {
  const { inChannels, level } = conv;
  const dims = [0, inChannels, half.sizeAt(level, height), half.sizeAt(level, width)];
  return { type: "float32", data: new Float32Array(0), dims };
}

/** At every convolution of the video's first chunk. */
export function noCaches(half: VaeHalf, { dims }: Tensor): Record<string, Tensor> {
  const [, , height = 0, width = 0] = dims;
  return Object.fromEntries(
    half.convs.map((conv) => [cachePorts(conv.name).before, noCache(half, conv, { height, width })]),
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
