import { type Clock, type Logger, RecurringFailure } from "@cogfleet/core";

/** Work for jobs that nobody waits for: what goes wrong with it is logged. */
export class Background {
  readonly #failure: RecurringFailure;
  readonly #tasks = new Set<Promise<void>>();

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    const lines = {
      level: "error",
      failed: "job was not moved on",
      over: "jobs are moved on again",
    } as const;
    this.#failure = new RecurringFailure(deps, lines);
  }

  run(jobId: string, work: () => Promise<void>): void {
    const task = work()
      .then(
        () => this.#failure.succeeded(),
        (reason: unknown) => this.#failure.failed(reason, { jobId }),
      )
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** The same for what can wait: it starts in a later turn of the event loop, and what goes on now is sent before it. */
  runLater(jobId: string, work: () => Promise<void>): void {
    this.run(jobId, () => new Promise<void>((resolve) => setImmediate(resolve)).then(work));
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
