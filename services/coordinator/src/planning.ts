import { isGuided } from "@cogfleet/model";
import {
  contextLayout,
  jobShape,
  ONE_RANK,
  type ParallelChoice,
  type Plan,
  planSize,
} from "@cogfleet/parallel";
import type { JobRequest, RankPart } from "./job.js";
import type { ModelConfigs, TransformerForm, WorkerFacts } from "./workers.js";

/** A worker and what it has loaded, as plans are made from. */
export interface PlannedWorker {
  readonly worker: WorkerFacts;
  readonly transformerForm: TransformerForm | undefined;
}

/** A plan, and the worker of each rank. */
export interface PlannedGroup {
  readonly plan: Plan;
  readonly workerIds: readonly string[];
}

/**
 * How a job is spread over these workers, or over the first of them. The plan of an attempt before is kept when it fits
 * their number.
 */
export function planGroup(
  request: JobRequest,
  choice: ParallelChoice,
  kept: Plan | undefined,
  workers: readonly PlannedWorker[],
): PlannedGroup {
  const ids = workers.map(({ worker }) => worker.id);
  if (kept !== undefined && planSize(kept) === workers.length) return { plan: kept, workerIds: ids };
  const configs = workers[0]?.worker.configs.get(request.model);
  if (workers.length === 1 || configs === undefined) return { plan: ONE_RANK, workerIds: ids.slice(0, 1) };
  const cfg = choice.cfg ?? 1;
  const context = choice.context ?? Math.max(1, Math.floor(workers.length / cfg));
  const size = planSize({ cfg, context });
  const rates = new Array<number>(size).fill(1);
  const plan: Plan = { cfg, context, rates, vae: { kind: "serial" } };
  return { plan, workerIds: ids.slice(0, size) };
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
  const rows =
    configs === undefined ? undefined : contextLayout(plan, jobShape(configs, request, "fp32")).rows;
  return workerIds.map((workerId, rank) => ({
    workerId,
    half: Math.floor(rank / plan.context),
    halves: plan.cfg,
    rows: rows?.[rank % plan.context],
  }));
}

/** Why a request cannot be run with the degrees that it pins; undefined: it can. */
export function choiceProblem(
  choice: ParallelChoice,
  guidanceScale: number,
  maxRanks: number,
): string | undefined {
  const { cfg = 1, context = 1 } = choice;
  if (cfg * context > maxRanks)
    return `takes ${cfg * context} workers, and a job runs on at most ${maxRanks}`;
  if (cfg === 2 && !isGuided(guidanceScale))
    return `splits the two branches of the guidance, but guidance_scale ${guidanceScale} computes only one: use cfg=1`;
  return undefined;
}
