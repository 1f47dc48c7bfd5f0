import { isTerminal, JOB_STATES, type Job, type JobState } from "../job.js";
import type { JobQuery, StoredJob } from "../job-store.js";

/** A job of the index: whole while it lives, since the queue holds most of it anyway; else what queries ask for. */
export type IndexedJob = Pick<StoredJob, "order" | "revision"> & {
  readonly jobId: string;
  readonly state: JobState["kind"];
  readonly labels: Job["request"]["labels"];
  readonly stored: StoredJob | undefined;
};

const REMOVED = 1_000;

/** The jobs of a store by id, and by state in the order of submission. */
export class JobIndex {
  readonly #byId = new Map<string, IndexedJob>();
  readonly #lanes = new Map<JobState["kind"], IndexedJob[]>(JOB_STATES.map((state) => [state, []]));
  /** Revisions at which jobs were removed lately: what comes late must not bring them back. */
  readonly #removed = new Map<string, number>();

  get(jobId: string): IndexedJob | undefined {
    return this.#byId.get(jobId);
  }

  /** Takes a job as it was stored; false when what is known is as new. */
  put(stored: StoredJob): boolean {
    const { job, order, revision } = stored;
    const before = this.#byId.get(job.id);
    if (revision <= (before?.revision ?? this.#removed.get(job.id) ?? 0)) return false;
    if (before !== undefined) this.#takeOut(before);
    const { kind: state } = job.state;
    const entry: IndexedJob = {
      jobId: job.id,
      order,
      revision,
      state,
      labels: job.request.labels,
      stored: isTerminal(state) ? undefined : stored,
    };
    this.#byId.set(job.id, entry);
    const lane = this.#lane(state);
    lane.splice(placeOf(order, lane), 0, entry);
    return true;
  }

  /** A job was removed, by the write with this revision; false when that was known. */
  remove(jobId: string, revision: number): boolean {
    const before = this.#byId.get(jobId);
    if (revision <= (before?.revision ?? this.#removed.get(jobId) ?? 0)) return false;
    this.#removed.set(jobId, revision);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > REMOVED && oldest !== undefined) this.#removed.delete(oldest);
    if (before === undefined) return false;
    this.#takeOut(before);
    this.#byId.delete(jobId);
    return true;
  }

  all(): readonly IndexedJob[] {
    return [...this.#byId.values()];
  }

  /** Those that the query asks for, newest first. */
  first(query: JobQuery): readonly IndexedJob[] {
    const found: IndexedJob[] = [];
    for (const entry of this.#newestFirst(query)) {
      if (!matchesLabels(entry, query)) continue;
      found.push(entry);
      if (found.length === query.limit) break;
    }
    return found;
  }

  *#newestFirst(query: JobQuery): Generator<IndexedJob, void, undefined> {
    const states = query.states.length === 0 ? JOB_STATES : query.states;
    const lanes = [...new Set(states)].map((state) => this.#lane(state));
    const heads = lanes.map((lane) => ({
      lane,
      at: (query.before === undefined ? lane.length : placeOf(query.before, lane)) - 1,
    }));
    for (;;) {
      let newest: (typeof heads)[number] | undefined;
      let best: IndexedJob | undefined;
      for (const head of heads) {
        const entry = head.lane[head.at];
        if (entry !== undefined && (best === undefined || entry.order > best.order)) {
          newest = head;
          best = entry;
        }
      }
      if (newest === undefined || best === undefined) return;
      newest.at -= 1;
      yield best;
    }
  }

  #takeOut(entry: IndexedJob): void {
    const lane = this.#lane(entry.state);
    lane.splice(placeOf(entry.order, lane), 1);
  }

  #lane(state: JobState["kind"]): IndexedJob[] {
    return this.#lanes.get(state) ?? [];
  }
}

function matchesLabels({ labels }: IndexedJob, query: JobQuery): boolean {
  return Object.entries(query.labels).every(([name, value]) => labels[name] === value);
}

/** How many of the lane come before this place in the order. */
function placeOf(order: number, lane: readonly IndexedJob[]): number {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lane[middle] as IndexedJob).order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
