import { isTerminal, JOB_STATES, type Job, type JobState } from "../job.js";
import type { JobQuery, StoredJob } from "../job-store.js";
import { SortedList } from "../sorted-list.js";
import type { JobMessage, PackedEvents } from "./job-message.js";

/** A job of the index: whole while it lives, since the queue holds most of it anyway; else what queries ask for. */
export type IndexedJob = Pick<StoredJob, "order" | "revision"> & {
  readonly jobId: string;
  readonly state: JobState["kind"];
  readonly labels: Job["request"]["labels"];
  readonly tenant: string;
  readonly stored: StoredJob | undefined;
  /** While it lives: the next one is added without asking for them. */
  readonly events: PackedEvents | undefined;
};

/** From the oldest to the newest. */
type Lane = SortedList<Pick<IndexedJob, "order">, IndexedJob>;

const REMOVED = 1_000;

/** The jobs of a store by id, and by state in the order of submission. */
export class JobIndex {
  readonly #byId = new Map<string, IndexedJob>();
  readonly #lanes = new Map<JobState["kind"], Lane>(JOB_STATES.map((state) => [state, emptyLane()]));
  /** Revisions at which jobs were removed lately: what comes late must not bring them back. */
  readonly #removed = new Map<string, number>();

  get(jobId: string): IndexedJob | undefined {
    return this.#byId.get(jobId);
  }

  /** Takes a job as it was stored; false when what is known is as new. */
  put({ stored, events }: JobMessage): boolean {
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
      tenant: job.request.tenant,
      ...(isTerminal(state) ? { stored: undefined, events: undefined } : { stored, events }),
    };
    this.#byId.set(job.id, entry);
    this.#lane(state).add(entry);
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
      if (!isWanted(entry, query)) continue;
      found.push(entry);
      if (found.length === query.limit) break;
    }
    return found;
  }

  *#newestFirst(query: JobQuery): Generator<IndexedJob, void, undefined> {
    const states = query.states.length === 0 ? JOB_STATES : query.states;
    const end = query.before === undefined ? undefined : { order: query.before };
    const lanes = [...new Set(states)].map((state) => this.#lane(state).backwards(end));
    const heads = lanes.map((lane) => ({ lane, entry: lane.next().value }));
    for (;;) {
      let newest: (typeof heads)[number] | undefined;
      for (const head of heads)
        if (head.entry && head.entry.order > (newest?.entry?.order ?? -1)) newest = head;
      if (!newest?.entry) return;
      yield newest.entry;
      newest.entry = newest.lane.next().value;
    }
  }

  #takeOut(entry: IndexedJob): void {
    this.#lane(entry.state).remove(entry);
  }

  #lane(state: JobState["kind"]): Lane {
    return this.#lanes.get(state) ?? emptyLane();
  }
}

/** The states and the place in the order aside. */
function isWanted({ labels, tenant }: IndexedJob, query: JobQuery): boolean {
  if (query.tenant !== undefined && query.tenant !== tenant) return false;
  return Object.entries(query.labels).every(([name, value]) => labels[name] === value);
}

function emptyLane(): Lane {
  return new SortedList((a, b) => a.order < b.order);
}
