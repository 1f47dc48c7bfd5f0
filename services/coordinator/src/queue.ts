import type { Plan } from "@cogfleet/parallel";
import type { JobRequest } from "./job.js";

/** A job that waits for a worker. */
export interface QueuedJob {
  readonly jobId: string;
  readonly model: string;
  readonly request: JobRequest;
  /** Ranks that its pinned degrees take at least. */
  readonly minRanks: number;
  /** And at most; undefined: as many as there are. */
  readonly maxRanks: number | undefined;
  /** Of the attempt before, to be kept while there are enough workers. */
  readonly keptPlan: Plan | undefined;
  /** Higher first. */
  readonly priority: number;
  /** Place in the order of submission, lower first. A job that is queued again keeps it. */
  readonly order: number;
  /** Epoch of its next assignment. */
  readonly nextEpoch: number;
  /** Monotonic milliseconds at which it began to wait. */
  readonly queuedAt: number;
  /** Workers of the attempt before: another one is preferred. */
  readonly lastWorkerIds: readonly string[];
}

/**
 * The jobs that wait, by priority and then in the order of submission. A sorted array for each model: finding a place
 * is a binary search, and 100,000 jobs of one model cost another model's workers nothing.
 */
export class JobQueue {
  readonly #lanes = new Map<string, QueuedJob[]>();
  readonly #byId = new Map<string, QueuedJob>();

  get size(): number {
    return this.#byId.size;
  }

  has(jobId: string): boolean {
    return this.#byId.has(jobId);
  }

  add(job: QueuedJob): void {
    if (this.#byId.has(job.jobId)) return;
    const lane = this.#lanes.get(job.model) ?? [];
    this.#lanes.set(job.model, lane);
    lane.splice(placeOf(job, lane), 0, job);
    this.#byId.set(job.jobId, job);
  }

  remove(jobId: string): QueuedJob | undefined {
    const job = this.#byId.get(jobId);
    const lane = job && this.#lanes.get(job.model);
    if (job === undefined || lane === undefined) return undefined;
    lane.splice(placeOf(job, lane), 1);
    if (lane.length === 0) this.#lanes.delete(job.model);
    this.#byId.delete(jobId);
    return job;
  }

  /** Jobs that come before this one, of any model; 0 when it is not queued. */
  position(jobId: string): number {
    const job = this.#byId.get(jobId);
    if (job === undefined) return 0;
    return [...this.#lanes.values()].reduce((ahead, lane) => ahead + placeOf(job, lane), 0);
  }

  /** How many wait for this model. */
  sizeOf(model: string): number {
    return this.#lanes.get(model)?.length ?? 0;
  }

  /**
   * Jobs of these models, first the one that is next. Do not change the queue while reading; a model that is taken
   * out of the set meanwhile is passed over.
   */
  *inOrder(models: ReadonlySet<string>): Generator<QueuedJob, void, undefined> {
    const heads = [...this.#lanes]
      .filter(([model]) => models.has(model))
      .map(([model, lane]) => ({ model, lane, at: 0 }));
    for (;;) {
      let first: QueuedJob | undefined;
      let taken: { at: number } | undefined;
      for (const head of heads) {
        const job = models.has(head.model) ? head.lane[head.at] : undefined;
        if (job !== undefined && (first === undefined || comesBefore(job, first))) {
          first = job;
          taken = head;
        }
      }
      if (first === undefined || taken === undefined) return;
      taken.at += 1;
      yield first;
    }
  }

  /** When the job that has waited longest began to, monotonic milliseconds. */
  oldestQueuedAt(): number | undefined {
    let oldest: number | undefined;
    for (const { queuedAt } of this.#byId.values()) oldest = Math.min(oldest ?? queuedAt, queuedAt);
    return oldest;
  }
}

function comesBefore(a: QueuedJob, b: QueuedJob): boolean {
  return a.priority === b.priority ? a.order < b.order : a.priority > b.priority;
}

/** How many of the lane come before the job: also where it stands, or would. */
function placeOf(job: QueuedJob, lane: readonly QueuedJob[]): number {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comesBefore(lane[middle] as QueuedJob, job)) low = middle + 1;
    else high = middle;
  }
  return low;
}
