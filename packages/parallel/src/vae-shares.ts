// Who computes which chunks and which tiles of the VAE, by default. Chunks differ in work (the first is larger), and
// so do tiles (those at the right and below are smaller).
import { ClusterError } from "@cogfleet/core";
import {
  type Area,
  decoderChain,
  decodeTiles,
  encoderChain,
  encodeTiles,
  type FrameSize,
  type TilingOptions,
  tileGrid,
  tilesFor,
  type VaeConfig,
  type VaeHalf,
} from "@cogfleet/model";
import type { VaePlan } from "./plan.js";
import { dealShares, type Share } from "./shares.js";

/**
 * The decode of latents of this size: tiles if the job asked for tiling and the size has any, else runs of chunks.
 * `rates` are the ranks' speeds, in any unit; 0 gives a rank nothing. `unsupported` for tiles that do not fit together.
 */
export function planVae(
  config: VaeConfig,
  size: FrameSize,
  tiling: boolean | TilingOptions,
  rates: readonly number[],
): VaePlan {
  const tiles = tilesFor(tiling, (options) => decodeTiles(config, options), size);
  const half = decoderChain(config);
  return tiles === undefined
    ? planChunks(half, size.frames, rates)
    : planTiles(half, size.frames, tileGrid(tiles, size).areas, rates);
}

/** The encode of a video of this size, in the same way. */
export function planVaeEncode(
  config: VaeConfig,
  size: FrameSize,
  tiling: boolean | TilingOptions,
  rates: readonly number[],
): VaePlan {
  const tiles = tilesFor(tiling, (options) => encodeTiles(config, options), size);
  const half = encoderChain(config);
  return tiles === undefined
    ? planChunks(half, size.frames, rates)
    : planTiles(half, size.frames, tileGrid(tiles, size).areas, rates);
}

/** Work of each chunk of a video of so many frames, in frames of the video's own rate: most of it is done at that rate. */
export function chunkWork(half: VaeHalf, frames: number): readonly number[] {
  return half.chunks(frames).map(({ from, to }) => Math.max(to - from, half.framesOut(to - from)));
}

/**
 * Deals chunks to ranks in runs, in time's order, so that the slowest rank's time is the least possible; of such, the
 * most even. A rank may get none.
 */
export function dealChunks(work: readonly number[], rates: readonly number[]): Share[] {
  if (!rates.some((rate) => rate > 0))
    throw new ClusterError("internal", `rates [${rates.join(", ")}] must have one above 0`);
  const time = ({ start, count }: Share, rank: number): number =>
    count === 0 ? 0 : work.slice(start, start + count).reduce((a, b) => a + b, 0) / (rates[rank] as number);
  const slowest = bestRuns(work.length, rates.length, (share, rank, others) =>
    Math.max(others, time(share, rank)),
  );
  const { shares } = bestRuns(work.length, rates.length, (share, rank, others) => {
    const own = time(share, rank);
    return own > slowest.cost * (1 + 1e-9) ? Number.POSITIVE_INFINITY : others + own ** 2;
  });
  return shares;
}

function planChunks(half: VaeHalf, frames: number, rates: readonly number[]): VaePlan {
  const chunks = dealChunks(chunkWork(half, frames), rates);
  const busy = chunks.filter(({ count }) => count > 0).length;
  return busy === 1 && (chunks[0]?.count ?? 0) > 0 ? { kind: "serial" } : { kind: "temporal", chunks };
}

function planTiles(half: VaeHalf, frames: number, areas: readonly Area[], rates: readonly number[]): VaePlan {
  const able = rates.flatMap((rate, rank) => (rate > 0 ? [rank] : []));
  if (able.length === 1 && able[0] === 0) return { kind: "serial" };
  const chunks = half.chunks(frames).length;
  // More ranks than tiles: some tiles go to several, as far as they have chunks.
  const tiles =
    able.length > areas.length && chunks > 1
      ? shareTiles(areas, rates, able, chunks)
      : dealTiles(areas, rates);
  return { kind: "tiles", tiles };
}

/** The largest tile first, to the rank that would have it done first. */
function dealTiles(areas: readonly Area[], rates: readonly number[]): number[][] {
  const lists: number[][] = rates.map(() => []);
  const loads = rates.map(() => 0);
  const byWork = areas.map((_, i) => i).toSorted((a, b) => workOf(areas, b) - workOf(areas, a) || a - b);
  for (const tile of byWork) {
    const done = rates.map((rate, rank) => ((loads[rank] as number) + workOf(areas, tile)) / rate);
    const rank = done.indexOf(Math.min(...done));
    lists[rank]?.push(tile);
    loads[rank] = (loads[rank] as number) + workOf(areas, tile);
  }
  return lists.map((list) => list.toSorted((a, b) => a - b));
}

/** One rank for each tile, and the ranks left over to the tiles with most work, at most one a chunk. */
function shareTiles(
  areas: readonly Area[],
  rates: readonly number[],
  able: readonly number[],
  chunks: number,
): number[][] {
  const extra = dealShares(
    able.length - areas.length,
    areas.map((_, tile) => workOf(areas, tile)),
  );
  const lists: number[][] = rates.map(() => []);
  let at = 0;
  for (const [tile, { count }] of extra.entries()) {
    for (const rank of able.slice(at, at + Math.min(1 + count, chunks))) lists[rank]?.push(tile);
    at += 1 + count;
  }
  return lists;
}

function workOf(areas: readonly Area[], tile: number): number {
  const { height, width } = areas[tile] as Area;
  return height * width;
}

/** Cuts 0..total into runs, one a rank, at the least cost; `cost` adds a rank's run to the cost of those before it. */
function bestRuns(
  total: number,
  ranks: number,
  cost: (share: Share, rank: number, before: number) => number,
): { readonly cost: number; readonly shares: Share[] } {
  // best[end]: of the ranks so far, when they have taken everything before `end`.
  let best = Array.from({ length: total + 1 }, (_, end) => ({
    cost: end === 0 ? 0 : Number.POSITIVE_INFINITY,
    shares: [] as Share[],
  }));
  for (let rank = 0; rank < ranks; rank++)
    best = best.map(
      (_, end) =>
        best
          .slice(0, end + 1)
          .map((before, start) => {
            const share = { start, count: end - start };
            return { cost: cost(share, rank, before.cost), shares: [...before.shares, share] };
          })
          .reduce((a, b) => (b.cost <= a.cost ? b : a)), // of equals, lower ranks compute
    );
  return best[total] as { cost: number; shares: Share[] };
}
