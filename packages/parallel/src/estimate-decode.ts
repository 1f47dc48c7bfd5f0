// The time model of decoding. A rank computes its part of every area; where several share an area they go in lock-step,
// and every causal convolution waits for the halo of the rank before.
import type { JobShape } from "./job-shape.js";
import type { VaePlan } from "./plan.js";
import { type Fleet, type PlanWorker, wireTime } from "./plan-fleet.js";
import { type StageEstimate, stageEstimate } from "./stage-estimate.js";
import { type AreaSize, chunkFlops, cutElements, haloElements, sampleElements } from "./vae-cost.js";
import { type AreaDeal, type AreaOwner, dealAreas } from "./vae-deal.js";
import { planVae } from "./vae-shares.js";

const FLOAT_BYTES = 4; // of everything that the VAE's graphs take and give

interface RankTimes {
  compute: number;
  host: number;
  wire: number;
  latency: number;
  sampleBytes: number;
}

/** Schedules of a job's decode, and what they take. Keeps what it has worked out: areas and rates repeat. */
export interface DecodeModel {
  /**
   * Every schedule that computes what the job asked for: rank 0 alone, and runs of chunks or (when the job asked for
   * tiling) tiles on the first two ranks, three, and so on.
   */
  choices(workers: readonly PlanWorker[]): VaePlan[];
  /** Decoding on `workers`, by rank. */
  estimate(plan: VaePlan, workers: readonly PlanWorker[], fleet: Fleet): StageEstimate;
}

export function decodeModel(job: JobShape): DecodeModel {
  const knownCosts = new Map<string, AreaCosts>();
  const costsOf = (area: AreaSize): AreaCosts => {
    const key = `${area.height}x${area.width}`;
    const costs = knownCosts.get(key) ?? areaCosts(job, area);
    knownCosts.set(key, costs);
    return costs;
  };
  const knownDeals = new Map<string, VaePlan>();
  const dealt = (rates: readonly number[]): VaePlan => {
    const key = rates.join();
    const plan = knownDeals.get(key) ?? planVae(job.configs.vae, job.decoded, job.args.vaeTiling, rates);
    knownDeals.set(key, plan);
    return plan;
  };
  return {
    choices(workers) {
      const shared = workers.slice(1).map((_, i) => dealt(workers.slice(0, i + 2).map(({ rate }) => rate)));
      const useful = shared.filter(
        (plan, i) => plan.kind !== "serial" && (i === 0 || !isSameDeal(plan, shared[i - 1])),
      );
      return [{ kind: "serial" }, ...useful.map((plan) => forRanks(plan, workers.length, job.chunks.length))];
    },
    estimate: (plan, workers, fleet) => estimate(job, costsOf, plan, workers, fleet),
  };
}

function estimate(
  job: JobShape,
  costsOf: (area: AreaSize) => AreaCosts,
  plan: VaePlan,
  workers: readonly PlanWorker[],
  { link, hostBytesPerSecond }: Fleet,
): StageEstimate {
  const work = costsOf(job.areas[0] as AreaSize).flops;
  const deals = dealAreas(plan, job.areas, work, workers.length);
  const ranks = workers.map((): RankTimes => ({ compute: 0, host: 0, wire: 0, latency: 0, sampleBytes: 0 }));
  const isCut = workers.map((_, rank) =>
    deals.some(({ owners }) => owners.length > 1 && owners.some((owner) => owner.rank === rank)),
  );
  let haloBytes = 0;
  for (const { area, owners } of deals) {
    const costs = costsOf(area);
    for (const { rank, chunks } of owners) {
      const times = ranks[rank] as RankTimes;
      const { rate, device } = workers[rank] as PlanWorker;
      const own = (byChunk: readonly number[]): number =>
        byChunk.slice(chunks.start, chunks.start + chunks.count).reduce((a, b) => a + b, 0);
      times.compute += own(costs.flops) / rate;
      times.sampleBytes += own(costs.sampleBytes);
      if (isCut[rank] && device === "cuda") times.host += own(costs.cutBytes) / hostBytesPerSecond;
    }
    haloBytes += addHalos({ area, owners }, costs.haloBytes, workers, ranks, link);
  }
  const total = ({ compute, host, wire, latency }: RankTimes): number => compute + host + wire + latency;
  const slowest = ranks.reduce((a, b) => (total(b) > total(a) ? b : a));
  const frames = gather(ranks, workers, link);
  return stageEstimate({
    stage: "decode",
    seconds: total(slowest) + frames.seconds + frames.latencySeconds,
    computeSeconds: slowest.compute,
    wireSeconds: slowest.wire + frames.seconds,
    latencySeconds: slowest.latency + frames.latencySeconds,
    hostSeconds: slowest.host,
    bytes: haloBytes + frames.bytes,
  });
}

/** Of decoding one area. */
interface AreaCosts {
  /** By chunk. */
  readonly flops: readonly number[];
  readonly cutBytes: readonly number[];
  readonly sampleBytes: readonly number[];
  /** By causal convolution, at each boundary between ranks. */
  readonly haloBytes: readonly number[];
}

function areaCosts({ configs: { vae }, chunks }: JobShape, area: AreaSize): AreaCosts {
  const known = new Map<number, readonly [number, number, number]>();
  const byChunk = chunks.map((chunk) => {
    const frames = chunk.to - chunk.from;
    const costs =
      known.get(frames) ??
      ([
        chunkFlops(vae, chunk, area),
        FLOAT_BYTES * cutElements(vae, chunk, area),
        FLOAT_BYTES * sampleElements(vae, chunk, area),
      ] as const);
    known.set(frames, costs);
    return costs;
  });
  return {
    flops: byChunk.map(([flops]) => flops),
    cutBytes: byChunk.map(([, cutBytes]) => cutBytes),
    sampleBytes: byChunk.map(([, , sampleBytes]) => sampleBytes),
    haloBytes: haloElements(vae, area).map((elements) => FLOAT_BYTES * elements),
  };
}

/** Both sides of a boundary wait for its halos, one convolution after the other. Returns the bytes. */
function addHalos(
  { owners }: AreaDeal,
  halos: readonly number[],
  workers: readonly PlanWorker[],
  ranks: readonly RankTimes[],
  link: Fleet["link"],
): number {
  const bytes = halos.reduce((a, b) => a + b, 0);
  for (const [i, { rank: later }] of owners.slice(1).entries()) {
    const { rank: earlier } = owners[i] as AreaOwner;
    const { bytesPerSecond, latencySeconds } = link(idOf(workers, earlier), idOf(workers, later));
    // A rank in the middle sends its halo while it takes the other: it waits for one of them.
    const times = ranks[later] as RankTimes;
    times.wire += bytes / bytesPerSecond;
    times.latency += halos.length * latencySeconds;
  }
  return bytes * (owners.length - 1);
}

/** What every rank has goes to rank 0. */
function gather(ranks: readonly RankTimes[], workers: readonly PlanWorker[], link: Fleet["link"]) {
  const traffic = ranks.map(({ sampleBytes }, from) =>
    ranks.map((_, to) => (from > 0 && to === 0 ? sampleBytes : 0)),
  );
  const ids = workers.map(({ id }) => id);
  const bytes = ranks.slice(1).reduce((sum, { sampleBytes }) => sum + sampleBytes, 0);
  return { ...wireTime(traffic, ids, link), bytes };
}

function idOf(workers: readonly PlanWorker[], rank: number): string {
  return (workers[rank] as PlanWorker).id;
}

/** Whether one rank more got nothing. */
function isSameDeal(plan: VaePlan, before: VaePlan | undefined): boolean {
  if (plan.kind === "temporal") return before?.kind === "temporal" && plan.chunks.at(-1)?.count === 0;
  return plan.kind === "tiles" && before?.kind === "tiles" && plan.tiles.at(-1)?.length === 0;
}

/** The ranks that are left have nothing to do. */
function forRanks(plan: VaePlan, ranks: number, chunks: number): VaePlan {
  switch (plan.kind) {
    case "serial":
      return plan;
    case "temporal": {
      const idle = Array.from({ length: ranks - plan.chunks.length }, () => ({ start: chunks, count: 0 }));
      return { kind: "temporal", chunks: [...plan.chunks, ...idle] };
    }
    case "tiles":
      return {
        kind: "tiles",
        tiles: [...plan.tiles, ...Array.from({ length: ranks - plan.tiles.length }, () => [])],
      };
  }
}
