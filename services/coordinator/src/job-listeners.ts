import type { StoredJob } from "./job-store.js";

/** Told of a job as it is stored from now on; undefined: it was removed. */
export type JobListener = (jobId: string, stored: StoredJob | undefined) => void;

/** Who wants to hear of changes to one job, or to all of them. */
export class JobListeners {
  readonly #byJob = new Map<string, Set<() => void>>();
  readonly #ofAll = new Set<JobListener>();

  /** Returns what ends it. */
  add(jobId: string, listener: () => void): () => void {
    const listeners = this.#byJob.get(jobId) ?? new Set();
    this.#byJob.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byJob.get(jobId) === listeners) this.#byJob.delete(jobId);
    };
  }

  /** Returns what ends it. */
  addForAll(listener: JobListener): () => void {
    this.#ofAll.add(listener);
    return () => this.#ofAll.delete(listener);
  }

  tell(jobId: string, stored: StoredJob | undefined): void {
    for (const listener of [...this.#ofAll]) listener(jobId, stored);
    for (const listener of [...(this.#byJob.get(jobId) ?? [])]) listener();
  }
}
