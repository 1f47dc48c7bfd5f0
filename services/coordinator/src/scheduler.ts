import { type Plan, planSize } from "@cogfleet/parallel";
import type { QueuedJob } from "./queue.js";
import type { WorkerFacts } from "./workers.js";

/** More workers than this do not share a job. */
export const MAX_RANKS = 16;

/** A worker as the scheduler sees it. */
export interface FleetWorker {
  readonly id: string;
  /** Names of the models it offers. */
  readonly models: readonly string[];
  /** Two workers compute a job together when they have the same; undefined: only alone. */
  readonly kin: string | undefined;
}

/** A job that starts now: on these workers, by rank. */
export interface GroupStart {
  readonly jobId: string;
  readonly workerIds: readonly string[];
  readonly plan: Plan;
}

/** What the scheduler reads of the queue. */
export interface WaitingJobs {
  sizeOf(model: string): number;
  inOrder(models: ReadonlySet<string>): Iterable<QueuedJob>;
}

export interface ScheduleDeps {
  /** The plan of a job on the best of these workers, all of one kin: on as many as the plan says, in that order. */
  planFor(
    job: QueuedJob,
    workerIds: readonly string[],
  ): { readonly plan: Plan; readonly workerIds: readonly string[] };
  /** Whether workers of the job's last attempt are about to be free. */
  isGathering(jobId: string): boolean;
}

/** The kin of a worker, see FleetWorker. */
export function kinOf({ exchangeAddress, precision, configs }: WorkerFacts): string | undefined {
  return exchangeAddress === "" || configs.size === 0 ? undefined : precision;
}

/**
 * Which waiting jobs start now, and where. Jobs in their order. A job that pins its degrees, or that resumes with a
 * plan, gets as many workers as that takes, or as are left of them; another one its equal part of the idle workers, which is all of them when
 * no other job waits for its model. Jobs after one that must wait for more workers do not get the workers that it will
 * need: it would wait for ever. Pure, but for the plans.
 * @param fleet every worker that takes jobs, idle or not
 */
export function schedule(
  waiting: WaitingJobs,
  idle: readonly FleetWorker[],
  fleet: readonly FleetWorker[],
  deps: ScheduleDeps,
): GroupStart[] {
  let free = [...idle].sort((a, b) => a.models.length - b.models.length); // stable
  const starts: GroupStart[] = [];
  const wanted = new Set(free.flatMap((worker) => worker.models));
  const seen = new Map<string, number>();
  for (const job of waiting.inOrder(wanted)) {
    const able = free.filter((worker) => worker.models.includes(job.model));
    if (able.length === 0) {
      wanted.delete(job.model);
      if (wanted.size === 0) break;
      continue;
    }
    const behind = waiting.sizeOf(job.model) - (seen.get(job.model) ?? 0);
    seen.set(job.model, (seen.get(job.model) ?? 0) + 1);
    if (deps.isGathering(job.jobId)) {
      free = without(free, able.slice(0, job.lastWorkerIds.length));
      continue;
    }
    const group = largestKin(able);
    const { minRanks, maxRanks = MAX_RANKS } = job;
    const equalPart = Math.max(1, Math.floor(able.length / behind));
    const keptRanks = job.keptPlan === undefined ? 0 : planSize(job.keptPlan);
    const part = keptRanks >= 1 && keptRanks <= able.length ? keptRanks : equalPart;
    const ranks = Math.min(maxRanks, Math.max(minRanks, part));
    const candidates = ranks === 1 || group.length <= 1 ? [alone(job, able)] : group.slice(0, ranks);
    if (candidates.length < minRanks) {
      const could = largestKin(fleet.filter((worker) => worker.models.includes(job.model)));
      if (could.length >= minRanks) free = without(free, able);
      // One that was begun goes on with the workers that are left.
      if (could.length >= minRanks || job.keptPlan === undefined) continue;
    }
    const start = deps.planFor(
      job,
      candidates.map(({ id }) => id),
    );
    free = free.filter(({ id }) => !start.workerIds.includes(id));
    starts.push({ jobId: job.jobId, ...start });
    if (free.length === 0) break;
  }
  return starts;
}

/** Another worker than the one that held the job last, if there is one. */
function alone(job: QueuedJob, able: readonly FleetWorker[]): FleetWorker {
  return able.find(({ id }) => !job.lastWorkerIds.includes(id)) ?? (able[0] as FleetWorker);
}

/** The workers that can compute together, of the kin that has most of them. */
function largestKin(workers: readonly FleetWorker[]): readonly FleetWorker[] {
  const kins = new Map<string, FleetWorker[]>();
  for (const worker of workers) {
    if (worker.kin === undefined) continue;
    kins.set(worker.kin, [...(kins.get(worker.kin) ?? []), worker]);
  }
  return [...kins.values()].reduce((best, kin) => (kin.length > best.length ? kin : best), []);
}

function without(workers: readonly FleetWorker[], gone: readonly FleetWorker[]): FleetWorker[] {
  return workers.filter((worker) => !gone.includes(worker));
}
