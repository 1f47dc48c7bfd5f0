import type { Plan } from "@cogfleet/parallel";
import type { JobRequest } from "./job.js";
import { SortedList } from "./sorted-list.js";

/** A job that waits for workers. */
export interface QueuedJob {
  readonly jobId: string;
  readonly tenant: string;
  readonly model: string;
  readonly request: JobRequest;
  /** Ranks that its pinned degrees take at least. */
  readonly minRanks: number;
  /** And at most; undefined: as many as there are. */
  readonly maxRanks: number | undefined;
  /** Of the attempt before, to be kept while there are enough workers. */
  readonly keptPlan: Plan | undefined;
  /** Workers that it shall have, with a new plan; undefined: those of its plan. */
  readonly wantedRanks: number | undefined;
  /** Steps that are done. */
  readonly step: number;
  /** Higher first. */
  readonly priority: number;
  /** Place in the order of submission, lower first. A job that is queued again keeps it. */
  readonly order: number;
  /** When it was submitted, wall time in milliseconds: it gains priority as it waits. */
  readonly createdAt: number;
  /** Epoch of its next assignment. */
  readonly nextEpoch: number;
  /** Monotonic milliseconds at which it began to wait. */
  readonly queuedAt: number;
  /** Workers of the attempt before: another one is preferred. */
  readonly lastWorkerIds: readonly string[];
  /** Workers that were lost with attempts at it that got nowhere: others are preferred. */
  readonly avoidedIds: readonly string[];
}

/** Waiting jobs of one tenant that need the same: when one cannot start, none of them can. */
export interface Lane {
  readonly model: string;
  /** What its jobs need, the same for all tenants: see `needs`. */
  readonly need: string;
  /** By `comesBefore`. Do not change the queue while reading. */
  readonly jobs: Pick<SortedList<OrderedJob, QueuedJob>, "length" | "at">;
}

/** A job gains one point of priority for each minute since it was submitted. */
export const AGING_MS = 60_000;

/**
 * Whether a tenant's job is started before another one of its jobs: by priority, which rises with age, so that nobody
 * waits for ever. All rise alike: who comes first never changes, and the queue can be kept sorted.
 */
export function comesBefore(a: OrderedJob, b: OrderedJob): boolean {
  const lead = (a.priority - b.priority) * AGING_MS - (a.createdAt - b.createdAt);
  return lead === 0 ? a.order < b.order : lead > 0;
}
type OrderedJob = Pick<QueuedJob, "priority" | "createdAt" | "order">;

interface SortedLane extends Lane {
  readonly jobs: SortedList<OrderedJob, QueuedJob>;
}

/** The jobs that wait, by tenant and by what they need: a hundred thousand that cannot start cost no more than one. */
export class JobQueue {
  readonly #tenants = new Map<string, Map<string, SortedLane>>();
  readonly #byId = new Map<string, QueuedJob>();
  readonly #sizes = new Map<string, number>();
  readonly #tenantSizes = new Map<string, number>();
  readonly #prioritySizes = new Map<number, number>();
  readonly #needs = new Map<string, { readonly model: string; jobs: number }>();

  get size(): number {
    return this.#byId.size;
  }

  has(jobId: string): boolean {
    return this.#byId.has(jobId);
  }

  get(jobId: string): QueuedJob | undefined {
    return this.#byId.get(jobId);
  }

  add(job: QueuedJob): void {
    if (this.#byId.has(job.jobId)) return;
    const lanes = this.#tenants.get(job.tenant) ?? new Map<string, SortedLane>();
    this.#tenants.set(job.tenant, lanes);
    const key = laneKeyOf(job);
    const lane = lanes.get(key) ?? {
      model: job.model,
      need: key,
      jobs: new SortedList<OrderedJob, QueuedJob>(comesBefore),
    };
    lanes.set(key, lane);
    lane.jobs.add(job);
    this.#byId.set(job.jobId, job);
    count(this.#sizes, job.model, 1);
    count(this.#tenantSizes, job.tenant, 1);
    count(this.#prioritySizes, job.priority, 1);
    const need = this.#needs.get(key) ?? { model: job.model, jobs: 0 };
    need.jobs += 1;
    this.#needs.set(key, need);
  }

  remove(jobId: string): QueuedJob | undefined {
    const job = this.#byId.get(jobId);
    if (job === undefined) return undefined;
    const lanes = this.#tenants.get(job.tenant);
    const key = laneKeyOf(job);
    const lane = lanes?.get(key);
    if (lanes === undefined || lane === undefined) return undefined;
    lane.jobs.remove(job);
    if (lane.jobs.length === 0) lanes.delete(key);
    if (lanes.size === 0) this.#tenants.delete(job.tenant);
    this.#byId.delete(jobId);
    count(this.#sizes, job.model, -1);
    count(this.#tenantSizes, job.tenant, -1);
    count(this.#prioritySizes, job.priority, -1);
    const need = this.#needs.get(key);
    if (need !== undefined) need.jobs -= 1;
    if (need?.jobs === 0) this.#needs.delete(key);
    return job;
  }

  /** Jobs of the same tenant that come before this one, of any model; 0 when it is not queued. */
  position(jobId: string): number {
    const job = this.#byId.get(jobId);
    if (job === undefined) return 0;
    return [...(this.#tenants.get(job.tenant)?.values() ?? [])].reduce(
      (ahead, { jobs }) => ahead + jobs.placeOf(job),
      0,
    );
  }

  /** Of any job that waits. */
  highestPriority(): number | undefined {
    const priorities = [...this.#prioritySizes.keys()];
    return priorities.length === 0 ? undefined : Math.max(...priorities);
  }

  /** How many wait for this model. */
  sizeOf(model: string): number {
    return this.#sizes.get(model) ?? 0;
  }

  /** How many of this tenant wait. */
  sizeOfTenant(tenant: string): number {
    return this.#tenantSizes.get(tenant) ?? 0;
  }

  /** Tenants that have waiting jobs. */
  tenants(): Iterable<string> {
    return this.#tenants.keys();
  }

  /** The models that waiting jobs are of, by what they need. */
  needs(): Iterable<readonly [need: string, of: { readonly model: string }]> {
    return this.#needs;
  }

  lanesOf(tenant: string): Iterable<Lane> {
    return this.#tenants.get(tenant)?.values() ?? [];
  }

  /** When the job that has waited longest began to, monotonic milliseconds. */
  oldestQueuedAt(): number | undefined {
    let oldest: number | undefined;
    for (const { queuedAt } of this.#byId.values()) oldest = Math.min(oldest ?? queuedAt, queuedAt);
    return oldest;
  }
}

/** What decides whether a job can start: its model, the ranks that it takes, and whether it may go on with fewer. */
function laneKeyOf({ model, minRanks, maxRanks, keptPlan }: QueuedJob): string {
  return `${minRanks} ${maxRanks ?? ""} ${keptPlan === undefined ? "" : "begun"} ${model}`;
}

function count<K>(sizes: Map<K, number>, key: K, more: number): void {
  const size = (sizes.get(key) ?? 0) + more;
  if (size === 0) sizes.delete(key);
  else sizes.set(key, size);
}
