import { ClusterError } from "@cogfleet/core";
import { isGuided, type ModelConfigs } from "@cogfleet/model";
import {
  contextLayout,
  DEFAULT_HOST_BYTES_PER_SECOND,
  type Fleet,
  fitChoice,
  type JobShape,
  jobShape,
  makePlan,
  ONE_RANK,
  type ParallelChoice,
  type Plan,
  parseParallel,
  planSize,
  type VaePlan,
} from "@cogfleet/parallel";
import type { JobRequest, RankPart } from "./job.js";
import type { LinkTable } from "./links.js";
import type { TransformerForm, WorkerFacts } from "./workers.js";

const PRECISIONS = ["fp32", "fp16", "bf16"] as const;
const DEVICES = ["cpu", "cuda", "webgpu"] as const;

/** A worker and what it has loaded, as plans are made from. */
export interface PlannedWorker {
  readonly worker: WorkerFacts;
  readonly transformerForm: TransformerForm | undefined;
  /** Times as long as it was measured to take. */
  readonly slowness: number;
}

/** A plan, and the worker of each rank. */
export interface PlannedGroup {
  readonly plan: Plan;
  readonly workerIds: readonly string[];
}

/** Of a worker that did not measure itself. */
export const USUAL_RATE = 5e10;
/**
 * A job that one worker is expected to finish sooner is not spread unless the user says so: little is won, and the next
 * job finds the other workers free.
 */
const WORTH_SPREADING_SECONDS = 10;
/** Measured rates that differ by less are noise: workers that are alike get equal shares. */
const ALIKE = 1.5;

/** How a job is spread over all of these workers, whatever may be quicker; undefined: it cannot be. */
function planOver(
  request: JobRequest,
  workers: readonly PlannedWorker[],
  links: Pick<LinkTable, "between">,
): PlannedGroup | undefined {
  const first = workers[0]?.worker;
  const configs = first?.configs.get(request.model);
  const precision = PRECISIONS.find((one) => one === first?.precision);
  if (configs === undefined || precision === undefined) return undefined;
  const fleet = fleetOf(workers, links);
  const ranks = workers.length;
  const halves = ranks % 2 === 0 && isGuided(request.guidanceScale) ? ([1, 2] as const) : ([1] as const);
  const planned = halves.flatMap((cfg) => {
    const pinned = { cfg, context: ranks / cfg };
    const result = known(() => makePlan({ configs, args: request, precision, fleet, pinned }));
    return result?.kind === "planned" ? [result] : [];
  });
  const [best] = planned.sort((a, b) => a.explanation.seconds - b.explanation.seconds);
  return best && { plan: best.plan, workerIds: best.workers };
}

/** As `planGroup`, for a job that shall have just so many ranks. */
export function planAnew(
  request: JobRequest,
  choice: ParallelChoice,
  wantedRanks: number,
  workers: readonly PlannedWorker[],
  links: Pick<LinkTable, "between">,
): PlannedGroup {
  const exact = workers.length === wantedRanks ? planOver(request, workers, links) : undefined;
  return exact ?? planGroup(request, choice, undefined, workers, links);
}

/**
 * How a job is spread over these workers, or over some of them. The plan of an attempt before is kept when it fits
 * their number. What the planner refuses, for want of memory as it was measured, goes to as few as were asked for, who
 * will say so.
 */
export function planGroup(
  request: JobRequest,
  choice: ParallelChoice,
  kept: Plan | undefined,
  workers: readonly PlannedWorker[],
  links: Pick<LinkTable, "between">,
): PlannedGroup {
  const ids = workers.map(({ worker }) => worker.id);
  if (kept !== undefined && planSize(kept) === workers.length) return { plan: kept, workerIds: ids };
  const alone = { plan: ONE_RANK, workerIds: ids.slice(0, 1) };
  const pinned = fitChoice(choice, workers.length);
  const { cfg = 1, context = 1, activations } = pinned;
  const first = workers[0]?.worker;
  const configs = first?.configs.get(request.model);
  const precision = PRECISIONS.find((one) => one === first?.precision);
  if (workers.length === 1 || configs === undefined || precision === undefined) return alone;
  const fleet = fleetOf(workers, links);
  const result = known(() => makePlan({ configs, args: request, precision, fleet, pinned }));
  if (result?.kind === "planned") {
    const oneRank = result.alternatives.find((other) => other.cfg === 1 && other.context === 1);
    if (oneRank !== undefined && !isPinned(choice) && oneRank.seconds < WORTH_SPREADING_SECONDS) return alone;
    return { plan: result.plan, workerIds: result.workers };
  }
  const size = planSize({ cfg, context });
  const rates = new Array<number>(size).fill(1);
  const compressed = activations === undefined ? {} : { activations };
  return {
    plan: { cfg, context, rates, ...compressed, vae: { kind: "serial" } },
    workerIds: ids.slice(0, size),
  };
}

/** What a job is expected to take on some workers. */
export interface Expectation {
  readonly ranks: number;
  /** Of all its steps. */
  readonly denoiseSeconds: number;
  /** Of the rest. */
  readonly otherSeconds: number;
}

/** As `planGroup` would spread it anew; undefined where nothing is known of the model. */
export function expectOn(
  request: JobRequest,
  choice: ParallelChoice,
  workers: readonly PlannedWorker[],
  links: Pick<LinkTable, "between">,
): Expectation | undefined {
  const { plan, workerIds } = planGroup(request, choice, undefined, workers, links);
  const members = workers.filter(({ worker }) => workerIds.includes(worker.id));
  const first = members[0]?.worker;
  const configs = first?.configs.get(request.model);
  const precision = PRECISIONS.find((one) => one === first?.precision);
  if (configs === undefined || precision === undefined) return undefined;
  const pinned = { cfg: plan.cfg, context: plan.context };
  const fleet = fleetOf(members, links);
  const result = known(() => makePlan({ configs, args: request, precision, fleet, pinned }));
  if (result?.kind !== "planned") return undefined;
  const { seconds, stages } = result.explanation;
  const denoiseSeconds = stages.find(({ stage }) => stage === "denoise")?.seconds ?? 0;
  return { ranks: planSize(plan), denoiseSeconds, otherSeconds: seconds - denoiseSeconds };
}

/** Undefined for a job that cannot be computed at all: the workers say why, and it fails with their reason. */
function known<T>(plan: () => T): T | undefined {
  try {
    return plan();
  } catch (reason) {
    if (ClusterError.from(reason).code === "internal") throw reason;
    return undefined;
  }
}

function isPinned({ cfg, context }: ParallelChoice): boolean {
  return cfg !== undefined || context !== undefined;
}

function fleetOf(workers: readonly PlannedWorker[], links: Pick<LinkTable, "between">): Fleet {
  const rates = ratesOf(workers);
  const areAlike = Math.max(...rates) < ALIKE * Math.min(...rates);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const hostOf = new Map(workers.map(({ worker }) => [worker.id, worker.hostname]));
  return {
    workers: workers.map(({ worker, transformerForm: form }, i) => ({
      id: worker.id,
      rate: areAlike ? mean : (rates[i] as number),
      memoryBytes: worker.memoryBytes || Number.POSITIVE_INFINITY,
      device: DEVICES.find((kind) => worker.device.startsWith(kind)) ?? "cpu",
      form,
    })),
    link: (from, to) => links.between(hostOf.get(from) ?? "", hostOf.get(to) ?? ""),
    hostBytesPerSecond: DEFAULT_HOST_BYTES_PER_SECOND,
  };
}

/**
 * As measured and seen. Workers of one host on as many threads of its CPU are alike, so the best of their measurements
 * is everybody's: they measure when they start, and hold each other up.
 */
function ratesOf(workers: readonly PlannedWorker[]): number[] {
  const best = new Map<string, number>();
  const kindOf = ({ id, device, hostname, threads, precision }: WorkerFacts): string =>
    device === "cpu" ? `${hostname} ${threads} ${precision}` : id;
  for (const { worker } of workers)
    best.set(kindOf(worker), Math.max(worker.flopsPerSecond, best.get(kindOf(worker)) ?? 0));
  return workers.map(({ worker, slowness }) => (best.get(kindOf(worker)) || USUAL_RATE) / slowness);
}

/** What a plan needs loaded: ranks that share no rows run the whole graph. */
export function formOf(plan: Plan): TransformerForm {
  return plan.context === 1 ? "whole" : "segments";
}

/** Who computes what, by rank. */
export function partsOf(
  plan: Plan,
  workerIds: readonly string[],
  request: JobRequest,
  configs: ModelConfigs | undefined,
): RankPart[] {
  const shape = configs && known(() => jobShape(configs, request, "fp32"));
  const rows = shape && contextLayout(plan, shape).rows;
  return workerIds.map((workerId, rank) => ({
    workerId,
    half: Math.floor(rank / plan.context),
    halves: plan.cfg,
    rows: rows?.[rank % plan.context],
    ...decodedBy(rank, plan.vae, shape),
  }));
}

function decodedBy(
  rank: number,
  vae: VaePlan,
  shape: JobShape | undefined,
): Pick<RankPart, "chunks" | "tiles"> {
  if (vae.kind === "temporal") return { chunks: vae.chunks[rank] };
  if (vae.kind === "tiles") return { tiles: vae.tiles[rank] };
  if (rank > 0 || shape === undefined) return {};
  return shape.isTiled
    ? { tiles: [...shape.areas.keys()] }
    : { chunks: { start: 0, count: shape.chunks.length } };
}

/** Ranks that a request's pinned degrees take at least. */
export function leastRanks(parallel: string): number {
  const { cfg = 1, context = 1 } = parseParallel(parallel) ?? {};
  return cfg * context;
}
