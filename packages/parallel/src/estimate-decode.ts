// The time model of decoding. A rank computes its chunks or tiles one after the other; in lock-step every causal
// convolution waits for the halo of the rank before.
import type { JobShape, TileShape } from "./job-shape.js";
import type { VaePlan } from "./plan.js";
import { type Fleet, type PlanWorker, wireTime } from "./plan-fleet.js";
import { dealShares, type Share } from "./shares.js";
import { type StageEstimate, stageEstimate } from "./stage-estimate.js";
import { chunkFlops, cutElements, haloElements, sampleElements } from "./vae-cost.js";

const FLOAT_BYTES = 4; // of everything that the VAE's graphs take and give

/** Decoding on `workers`, by rank. */
export function estimateDecode(
  job: JobShape,
  plan: VaePlan,
  workers: readonly PlanWorker[],
  fleet: Fleet,
): StageEstimate {
  switch (plan.kind) {
    case "serial":
      return serial(job, workers);
    case "temporal":
      return temporal(job, plan.chunks, workers, fleet);
    case "tiles":
      return tiled(job, plan.tiles, workers, fleet);
  }
}

/** Floating-point operations of a tile, all its chunks. */
function tileFlops({ configs, chunks }: JobShape, tile: TileShape): number {
  return chunks.reduce((sum, chunk) => sum + chunkFlops(configs.vae, chunk, tile), 0);
}

function serial(job: JobShape, workers: readonly PlanWorker[]): StageEstimate {
  const { rate } = workers[0] as PlanWorker;
  const seconds = job.tiles.reduce((sum, tile) => sum + tileFlops(job, tile), 0) / rate;
  const nothing = { wireSeconds: 0, latencySeconds: 0, hostSeconds: 0, bytes: 0 };
  return stageEstimate({ stage: "decode", seconds, computeSeconds: seconds, ...nothing });
}

function temporal(
  job: JobShape,
  shares: readonly Share[],
  workers: readonly PlanWorker[],
  { link, hostBytesPerSecond }: Fleet,
): StageEstimate {
  const { vae } = job.configs;
  const whole = job.tiles[0] as TileShape;
  const chunksOf = ({ start, count }: Share) => job.chunks.slice(start, start + count);
  const ranks = shares.map((share, rank) => {
    const { rate, device } = workers[rank] as PlanWorker;
    const sum = (cost: typeof chunkFlops): number =>
      chunksOf(share).reduce((total, chunk) => total + cost(vae, chunk, whole), 0);
    return {
      compute: sum(chunkFlops) / rate,
      host: device === "cuda" ? (FLOAT_BYTES * sum(cutElements)) / hostBytesPerSecond : 0,
      sample: FLOAT_BYTES * sum(sampleElements),
    };
  });
  const busy = shares.flatMap(({ count }, rank) => (count > 0 ? [rank] : []));
  const halos = haloElements(vae, whole);
  const haloBytes = FLOAT_BYTES * halos.reduce((a, b) => a + b, 0);
  const boundaries = busy.slice(1).map((rank, i) => {
    const { bytesPerSecond, latencySeconds } = link(idOf(workers, busy[i] as number), idOf(workers, rank));
    return { seconds: haloBytes / bytesPerSecond, latencySeconds: halos.length * latencySeconds };
  });
  const frames = gather(
    ranks.map(({ sample }) => sample),
    workers,
    link,
  );
  const halo = Math.max(0, ...boundaries.map(({ seconds }) => seconds));
  const latencySeconds = Math.max(0, ...boundaries.map((boundary) => boundary.latencySeconds));
  return stageEstimate({
    stage: "decode",
    seconds:
      Math.max(...ranks.map(({ compute, host }) => compute + host)) +
      halo +
      latencySeconds +
      frames.seconds +
      frames.latencySeconds,
    computeSeconds: Math.max(...ranks.map(({ compute }) => compute)),
    wireSeconds: halo + frames.seconds,
    latencySeconds: latencySeconds + frames.latencySeconds,
    hostSeconds: Math.max(...ranks.map(({ host }) => host)),
    bytes: haloBytes * boundaries.length + frames.bytes,
  });
}

function tiled(
  job: JobShape,
  tiles: readonly (readonly number[])[],
  workers: readonly PlanWorker[],
  { link }: Fleet,
): StageEstimate {
  const { vae } = job.configs;
  const ranks = tiles.map((own, rank) => {
    const { rate } = workers[rank] as PlanWorker;
    const shapes = own.map((tile) => job.tiles[tile] as TileShape);
    return {
      compute: shapes.reduce((sum, shape) => sum + tileFlops(job, shape), 0) / rate,
      sample: shapes.reduce(
        (sum, shape) =>
          sum + job.chunks.reduce((all, chunk) => all + FLOAT_BYTES * sampleElements(vae, chunk, shape), 0),
        0,
      ),
    };
  });
  const frames = gather(
    ranks.map(({ sample }) => sample),
    workers,
    link,
  );
  const computeSeconds = Math.max(...ranks.map(({ compute }) => compute));
  return stageEstimate({
    stage: "decode",
    seconds: computeSeconds + frames.seconds + frames.latencySeconds,
    computeSeconds,
    wireSeconds: frames.seconds,
    latencySeconds: frames.latencySeconds,
    hostSeconds: 0,
    bytes: frames.bytes,
  });
}

/** What every rank has goes to rank 0. */
function gather(bytes: readonly number[], workers: readonly PlanWorker[], link: Fleet["link"]) {
  const traffic = bytes.map((count, from) => bytes.map((_, to) => (from > 0 && to === 0 ? count : 0)));
  const ids = bytes.map((_, rank) => idOf(workers, rank));
  return { ...wireTime(traffic, ids, link), bytes: bytes.slice(1).reduce((a, b) => a + b, 0) };
}

function idOf(workers: readonly PlanWorker[], rank: number): string {
  return (workers[rank] as PlanWorker).id;
}

/**
 * Every schedule that computes what the job asked for, on as many of the ranks as have something to do: one rank alone,
 * and runs of chunks or (when the job asked for tiling) tiles in proportion to the rates.
 */
export function vaeChoices(job: JobShape, workers: readonly PlanWorker[]): VaePlan[] {
  const choices: VaePlan[] = [{ kind: "serial" }];
  if (job.isTiled) {
    if (workers.length > 1) choices.push({ kind: "tiles", tiles: dealTiles(job, workers) });
    return choices;
  }
  for (let ranks = 2; ranks <= Math.min(workers.length, job.chunks.length); ranks++) {
    const rates = workers.slice(0, ranks).map(({ rate }) => rate);
    for (const weights of [rates, rates.map(() => 1)]) {
      const busy = dealShares(job.chunks.length, weights);
      const idle = workers.slice(ranks).map(() => ({ start: job.chunks.length, count: 0 }));
      if (busy.every(({ count }) => count > 0))
        choices.push({ kind: "temporal", chunks: [...busy, ...idle] });
    }
  }
  return choices;
}

/** The longest tile first, each to the rank that would have done it soonest. */
function dealTiles(job: JobShape, workers: readonly PlanWorker[]): number[][] {
  const flops = job.tiles.map((tile) => tileFlops(job, tile));
  const longestFirst = flops
    .map((_, i) => i)
    .sort((a, b) => (flops[b] as number) - (flops[a] as number) || a - b);
  const tiles: number[][] = workers.map(() => []);
  const done = workers.map(() => 0);
  for (const tile of longestFirst) {
    const until = workers.map(({ rate }, rank) => (done[rank] as number) + (flops[tile] as number) / rate);
    const rank = until.indexOf(Math.min(...until));
    tiles[rank]?.push(tile);
    done[rank] = until[rank] as number;
  }
  return tiles.map((own) => own.sort((a, b) => a - b));
}
