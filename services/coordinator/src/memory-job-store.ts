import { ClusterError } from "@cogfleet/core";
import type { Job, JobEvent } from "./job.js";
import { type JobListener, JobListeners } from "./job-listeners.js";
import { type JobQuery, type JobStore, matchesQuery, type StoredJob } from "./job-store.js";

interface Entry {
  stored: StoredJob;
  readonly events: JobEvent[];
}

/** Jobs in this process' memory: they end with it. */
export class MemoryJobStore implements JobStore {
  // Insertion order is the order of submission.
  readonly #entries = new Map<string, Entry>();
  readonly #idByKey = new Map<string, string>();
  readonly #listeners = new JobListeners();
  #order = 0;
  #revision = 0;

  async create(
    job: Job,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<{ isNew: boolean; stored: StoredJob }> {
    signal.throwIfAborted();
    const { tenant, idempotencyKey } = job.request;
    const key = idempotencyKey === undefined ? undefined : scoped(tenant, idempotencyKey);
    const holder = key === undefined ? undefined : this.#holder(key);
    if (holder !== undefined) return { isNew: false, stored: holder };
    if (this.#entries.has(job.id)) throw new ClusterError("already_exists", `job id ${job.id} is taken`);
    this.#order += 1;
    const stored = { job, order: this.#order, revision: this.#nextRevision() };
    this.#entries.set(job.id, { stored, events: [...events] });
    if (key !== undefined) this.#idByKey.set(key, job.id);
    this.#listeners.tell(job.id, stored);
    return { isNew: true, stored };
  }

  async get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    return this.#entries.get(jobId)?.stored;
  }

  recall(jobId: string): StoredJob | undefined {
    return this.#entries.get(jobId)?.stored;
  }

  async findByIdempotencyKey(
    tenant: string,
    key: string,
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    return this.#holder(scoped(tenant, key));
  }

  async update(
    job: Job,
    revision: number,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    const entry = this.#entries.get(job.id);
    if (entry === undefined || entry.stored.revision !== revision) return undefined;
    entry.stored = { job, order: entry.stored.order, revision: this.#nextRevision() };
    entry.events.push(...events);
    const { stored } = entry;
    this.#listeners.tell(job.id, stored);
    return stored;
  }

  async events(
    jobId: string,
    afterSequence: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly JobEvent[]> {
    signal.throwIfAborted();
    // Sequences are 1, 2, 3, ... so the event after `n` stands at index n.
    return this.#entries.get(jobId)?.events.slice(afterSequence, afterSequence + limit) ?? [];
  }

  async list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]> {
    signal.throwIfAborted();
    const found: StoredJob[] = [];
    for (const { stored } of [...this.#entries.values()].reverse()) {
      if (found.length === query.limit) break;
      if (matchesQuery(stored, query)) found.push(stored);
    }
    return found;
  }

  async delete(jobId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const entry = this.#entries.get(jobId);
    if (entry === undefined) return;
    this.#entries.delete(jobId);
    const { tenant, idempotencyKey: key } = entry.stored.job.request;
    if (key !== undefined) this.#idByKey.delete(scoped(tenant, key));
    this.#listeners.tell(jobId, undefined);
  }

  onChange(jobId: string, listener: () => void): () => void {
    return this.#listeners.add(jobId, listener);
  }

  onAnyChange(listener: JobListener): () => void {
    return this.#listeners.addForAll(listener);
  }

  async caughtUp(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  #holder(key: string): StoredJob | undefined {
    const id = this.#idByKey.get(key);
    return id === undefined ? undefined : this.#entries.get(id)?.stored;
  }

  #nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }
}

// No tenant has a "!" in its name.
function scoped(tenant: string, key: string): string {
  return `${tenant}!${key}`;
}
