import { ClusterError, type Logger } from "@cogfleet/core";

/** Work for jobs that nobody waits for: what goes wrong with it is logged. */
export class Background {
  readonly #log: Logger;
  readonly #tasks = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  run(jobId: string, work: () => Promise<void>): void {
    const task = work()
      .catch((reason: unknown) => {
        const { code } = ClusterError.from(reason);
        this.#log.error({ err: reason, jobId, code }, "job was not moved on");
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
