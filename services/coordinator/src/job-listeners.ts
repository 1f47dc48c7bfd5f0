/** Who wants to hear of changes to which job. */
export class JobListeners {
  readonly #byJob = new Map<string, Set<() => void>>();

  /** Returns what ends it. */
  add(jobId: string, listener: () => void): () => void {
    const listeners = this.#byJob.get(jobId) ?? new Set();
    this.#byJob.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byJob.get(jobId) === listeners) this.#byJob.delete(jobId);
    };
  }

  tell(jobId: string): void {
    for (const listener of [...(this.#byJob.get(jobId) ?? [])]) listener();
  }
}
