import { MAX_RANKS, type Plan, planSize } from "@cogfleet/parallel";
import { Heap } from "./heap.js";
import { comesBefore, type Lane, type QueuedJob } from "./queue.js";
import type { WorkerFacts } from "./workers.js";

/** A worker as the scheduler sees it. */
export interface FleetWorker {
  readonly id: string;
  /** Names of the models it offers. */
  readonly models: readonly string[];
  /** Two workers compute a job together when they have the same; undefined: only alone. */
  readonly kin: string | undefined;
  /** Seen to take longer than others lately: these come last. */
  readonly isSlow?: boolean;
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
  /** By when each came to have a waiting job. */
  tenants(): Iterable<string>;
  needs(): Iterable<readonly [need: string, of: { readonly model: string }]>;
  lanesOf(tenant: string): Iterable<Lane>;
}

export interface ScheduleDeps {
  /** The plan of a job on the best of these workers, all of one kin: on as many as the plan says, in that order. */
  planFor(
    job: QueuedJob,
    workerIds: readonly string[],
  ): { readonly plan: Plan; readonly workerIds: readonly string[] };
  /** Whether workers of the job's last attempt are about to be free. */
  isGathering(jobId: string): boolean;
  /** What a tenant has had of the fleet, in ranks. */
  shareOf(tenant: string): number;
  /** Ranks that a tenant may have more. */
  ranksLeft(tenant: string): number;
}

/** The kin of a worker, see FleetWorker. */
export function kinOf({ exchangeAddress, precision, configs }: WorkerFacts): string | undefined {
  return exchangeAddress === "" || configs.size === 0 ? undefined : precision;
}

/**
 * Which waiting jobs start now, and where. The tenant that has had least of the fleet is next, with its first job. A job
 * that pins its degrees, or that resumes with a plan, gets as many workers as that takes, or as are left of them; another
 * one its equal part of the idle workers, which is all of them when no other job waits for its model. Jobs after one that
 * must wait for more workers do not get the workers that it will need: it would wait for ever. Pure, but for the plans.
 * @param fleet every worker that takes jobs, idle or not
 */
export function schedule(
  waiting: WaitingJobs,
  idle: readonly FleetWorker[],
  fleet: readonly FleetWorker[],
  deps: ScheduleDeps,
): GroupStart[] {
  return new Round(waiting, idle, fleet, deps).run();
}

/** A tenant in a round. */
interface Turn {
  readonly tenant: string;
  /** Its place among those that have had the same. */
  readonly place: number;
  share: number;
  /** Of its lanes, how far each has been read; undefined: nobody has looked yet. */
  cursors: readonly Cursor[] | undefined;
  ranksLeft: number;
}

interface Cursor {
  readonly lane: Lane;
  at: number;
}

class Round {
  readonly #waiting: WaitingJobs;
  readonly #fleet: readonly FleetWorker[];
  readonly #deps: ScheduleDeps;
  readonly #starts: GroupStart[] = [];
  /** Jobs that were looked at, by model. */
  readonly #seen = new Map<string, number>();
  /** Needs that may still be met, by any tenant. */
  readonly #needs: Set<string>;
  #free: readonly FleetWorker[];

  constructor(
    waiting: WaitingJobs,
    idle: readonly FleetWorker[],
    fleet: readonly FleetWorker[],
    deps: ScheduleDeps,
  ) {
    this.#waiting = waiting;
    this.#fleet = fleet;
    this.#deps = deps;
    const lastness = ({ isSlow, models }: FleetWorker): number => (isSlow === true ? 1e6 : 0) + models.length;
    this.#free = [...idle].sort((a, b) => lastness(a) - lastness(b)); // stable
    const offered = new Set(idle.flatMap((worker) => worker.models));
    const needs = [...waiting.needs()].filter(([, { model }]) => offered.has(model));
    this.#needs = new Set(needs.map(([need]) => need));
  }

  run(): GroupStart[] {
    const turns = new Heap<Turn>(isNext);
    let place = 0;
    for (const tenant of this.#waiting.tenants()) {
      const [share, ranksLeft] = [this.#deps.shareOf(tenant), this.#deps.ranksLeft(tenant)];
      if (ranksLeft > 0) turns.push({ tenant, place: place++, share, cursors: undefined, ranksLeft });
    }
    for (let turn = turns.pop(); turn !== undefined; turn = turns.pop()) {
      if (this.#free.length === 0 || this.#needs.size === 0) break;
      turn.cursors ??= [...this.#waiting.lanesOf(turn.tenant)].map((lane) => ({ lane, at: 0 }));
      const next = this.#first(turn.cursors);
      if (next === undefined) continue;
      const taken = this.#place(next, turn.ranksLeft);
      turn.share += taken;
      turn.ranksLeft -= taken;
      if (turn.ranksLeft > 0) turns.push(turn);
    }
    return this.#starts;
  }

  /** The lane whose next job comes before those of the others, of those whose need may be met. */
  #first(cursors: readonly Cursor[]): Cursor | undefined {
    let best: Cursor | undefined;
    for (const cursor of cursors)
      if (cursor.at < cursor.lane.jobs.length && this.#needs.has(cursor.lane.need))
        if (best === undefined || comesBefore(headOf(cursor), headOf(best))) best = cursor;
    return best;
  }

  /** Starts the lane's next job if it can; says how many ranks it takes. When it must wait, so must others of its need. */
  #place(cursor: Cursor, ranksLeft: number): number {
    const job = headOf(cursor);
    cursor.at += 1;
    const able = this.#free.filter((worker) => worker.models.includes(job.model));
    if (able.length === 0) return this.#cannotBeMet(cursor);
    const seen = this.#seen.get(job.model) ?? 0;
    const behind = this.#waiting.sizeOf(job.model) - seen;
    this.#seen.set(job.model, seen + 1);
    if (this.#deps.isGathering(job.jobId)) {
      this.#keep(able.slice(0, job.lastWorkerIds.length));
      return 0;
    }
    const group = othersFirst(job, largestKin(able));
    const { minRanks: pinnedRanks, maxRanks = MAX_RANKS, keptPlan, wantedRanks } = job;
    // What was made smaller stays so, whatever it pins.
    const minRanks = Math.min(pinnedRanks, wantedRanks ?? pinnedRanks);
    const isBegun = keptPlan !== undefined;
    if (minRanks > ranksLeft && !isBegun) {
      // Others of its tenant must wait, too; not those of other tenants.
      cursor.at = cursor.lane.jobs.length;
      return 0;
    }
    const equalPart = Math.max(1, Math.floor(able.length / behind));
    const keptRanks = wantedRanks ?? (isBegun ? planSize(keptPlan) : 0);
    const part = keptRanks >= 1 && keptRanks <= able.length ? keptRanks : equalPart;
    const ranks = Math.min(maxRanks, Math.max(minRanks, part), ranksLeft);
    const candidates = ranks === 1 || group.length <= 1 ? [alone(job, able)] : group.slice(0, ranks);
    if (candidates.length < minRanks) {
      const could = largestKin(this.#fleet.filter((worker) => worker.models.includes(job.model)));
      const isEnough = could.length >= minRanks && minRanks <= ranksLeft;
      if (isEnough) this.#keep(able);
      // One that was begun goes on with the workers that are left.
      if (isEnough || !isBegun) return this.#cannotBeMet(cursor);
    }
    const start = this.#deps.planFor(
      job,
      candidates.map(({ id }) => id),
    );
    this.#free = this.#free.filter(({ id }) => !start.workerIds.includes(id));
    this.#starts.push({ jobId: job.jobId, ...start });
    return start.workerIds.length;
  }

  #cannotBeMet({ lane }: Cursor): 0 {
    this.#needs.delete(lane.need);
    return 0;
  }

  /** Nobody else gets these. */
  #keep(workers: readonly FleetWorker[]): void {
    this.#free = this.#free.filter((worker) => !workers.includes(worker));
  }
}

function isNext(a: Turn, b: Turn): boolean {
  return a.share === b.share ? a.place < b.place : a.share < b.share;
}

function headOf({ lane, at }: Cursor): QueuedJob {
  return lane.jobs.at(at) as QueuedJob;
}

/** Another worker than the one that held the job last, if there is one. */
function alone(job: QueuedJob, able: readonly FleetWorker[]): FleetWorker {
  const sorted = othersFirst(job, able);
  const unharmed = sorted.filter(({ id }) => !job.avoidedIds.includes(id));
  const preferred = unharmed.length > 0 ? unharmed : sorted;
  return preferred.find(({ id }) => !job.lastWorkerIds.includes(id)) ?? (preferred[0] as FleetWorker);
}

/** Those first that were not lost with the job before. */
function othersFirst({ avoidedIds }: QueuedJob, workers: readonly FleetWorker[]): readonly FleetWorker[] {
  if (avoidedIds.length === 0) return workers;
  const isAvoided = ({ id }: FleetWorker): number => (avoidedIds.includes(id) ? 1 : 0);
  return workers.toSorted((a, b) => isAvoided(a) - isAvoided(b)); // stable
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
