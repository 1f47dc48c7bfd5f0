import { type Clock, type Logger, RecurringFailure } from "@cogfleet/core";
import type { Backlog } from "./backlog.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Job } from "./job.js";
import type { JobStore, StoredJob } from "./job-store.js";
import { recount } from "./recount.js";
import { storedJobs, unchangedJobs } from "./stored-jobs.js";
import type { WorkerRegistry } from "./workers.js";

export interface ReconcilerDeps {
  readonly store: JobStore;
  readonly dispatcher: Dispatcher;
  readonly workers: WorkerRegistry;
  readonly backlog: Backlog;
  readonly clock: Clock;
  readonly log: Logger;
}

const TICK_MS = 1_000;

const LINES = {
  level: "warn",
  failed: "jobs were not compared with the store",
  over: "jobs are compared with the store again",
} as const;

/**
 * Brings what this process knows in line with what is stored: at its start, and when a write failed or nobody knows
 * whether it happened. Every job that waits in the store waits in the queue, and none runs for nobody.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #failure: RecurringFailure;
  #isNeeded = false;
  #suspects: ReadonlySet<string> = new Set();

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
    this.#failure = new RecurringFailure(deps, LINES);
  }

  /** A write failed, or its caller left before it was known: a job may wait in the store and not in the queue. */
  mark(): void {
    this.#isNeeded = true;
  }

  /**
   * Takes up all jobs of a process that is no more, or leads no more. No worker may be connected yet.
   * @param what happened to it, for those who follow these jobs
   */
  async begin(what: string, signal: AbortSignal): Promise<void> {
    const orphans = await this.#orphans(signal);
    await this.#reclaim(orphans, what);
    const queued = await this.#enqueueWaiting(signal);
    if (queued > 0) this.#deps.log.info({ queued, ofThoseRunning: orphans.length }, "jobs taken up again");
  }

  /** For a process that does not lead: its queue is to be what the leader's is. */
  async follow(signal: AbortSignal): Promise<void> {
    await this.#enqueueWaiting(signal);
  }

  /** One look: cheap unless there is something to do. */
  async tick(signal: AbortSignal): Promise<void> {
    const orphans = await this.#orphans(signal);
    // Whoever let go of a job a moment ago is about to write down why: only what stays is given up.
    const lasting = orphans.filter((job) => this.#suspects.has(attemptOf(job)));
    this.#suspects = new Set(orphans.map(attemptOf));
    await this.#reclaim(lasting, "the job store did not answer");
    if (!this.#isNeeded) return;
    this.#isNeeded = false;
    try {
      await this.#enqueueWaiting(signal);
      await recount(this.#deps.store, this.#deps.backlog, signal);
    } catch (reason) {
      this.#isNeeded = true;
      throw reason;
    }
  }

  /** Ticks until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.tick(signal);
        this.#failure.succeeded();
      } catch (reason) {
        if (!signal.aborted) this.#failure.failed(reason);
      }
    }
  }

  /** Jobs that run for nobody. */
  async #orphans(signal: AbortSignal): Promise<Job[]> {
    const isOrphan = ({ job }: StoredJob): boolean => !this.#isHeld(job, job.epoch);
    const running = await storedJobs(this.#deps.store, ["running"], signal, isOrphan);
    return running.map(({ job }) => job);
  }

  async #reclaim(orphans: readonly Job[], message: string): Promise<void> {
    const { dispatcher, log } = this.#deps;
    for (const { id: jobId, epoch } of orphans) {
      await dispatcher.reclaim({ jobId, epoch }, message);
      log.warn({ jobId, epoch }, "job ran for nobody");
    }
  }

  /** Puts into the queue what waits in the store only; says how many there were. */
  async #enqueueWaiting(signal: AbortSignal): Promise<number> {
    const isMissing = ({ job }: StoredJob): boolean => !this.#isAwaited(job);
    const waiting = await unchangedJobs(this.#deps.store, ["queued"], signal, isMissing);
    // From the oldest to the newest, each at the end of the queue. It may have been taken up since it was read.
    for (const stored of waiting.reverse())
      if (!this.#isAwaited(stored.job)) this.#deps.dispatcher.observe(stored.job.id, stored);
    return waiting.length;
  }

  #isAwaited(job: Job): boolean {
    // One that is just being given away has left the queue, and is not yet running in the store.
    return this.#deps.dispatcher.queue.has(job.id) || this.#isHeld(job, job.epoch + 1);
  }

  #isHeld({ id: jobId }: Job, epoch: number): boolean {
    return this.#deps.workers.holders({ jobId, epoch }).length > 0;
  }
}

function attemptOf({ id, epoch }: Job): string {
  return `${id} ${epoch}`;
}
