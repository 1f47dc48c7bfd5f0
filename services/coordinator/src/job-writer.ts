import { type Clock, ClusterError, type Logger, neverAborts, type Tracer } from "@cogfleet/core";
import type { Artifacts } from "./artifacts.js";
import type { Background } from "./background.js";
import type { Backlog } from "./backlog.js";
import type { Checkpoints } from "./checkpoints.js";
import { isTerminal, type Job, statesOf } from "./job.js";
import { type JobChange, type LifePolicy, next } from "./job-life.js";
import type { JobStore, StoredJob } from "./job-store.js";
import { spanOfJob } from "./job-trace.js";
import { JobWatch } from "./job-watch.js";
import type { Leadership } from "./leadership.js";
import type { Observer } from "./observer.js";

export interface JobWriterDeps {
  readonly store: JobStore;
  readonly leadership: Pick<Leadership, "term">;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly background: Background;
  readonly backlog: Pick<Backlog, "follow">;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Logger;
  /** Undefined: jobs are not traced. */
  readonly tracer?: Tracer | undefined;
  /** The job was written, and waits. */
  readonly onWaiting: (stored: StoredJob) => void;
  /** The job was written, and waits no longer. */
  readonly onNotWaiting: (jobId: string) => void;
}

/** A job before a change and after it: the same object when the change did not apply. */
export interface WrittenChange {
  readonly before: Job;
  readonly job: Job;
}

/** Writes down what happens to jobs, and removes the files that this makes useless. */
export class JobWriter {
  readonly #deps: JobWriterDeps;
  readonly #policy: LifePolicy;
  readonly watch: JobWatch;

  constructor(deps: JobWriterDeps, policy: LifePolicy) {
    this.#deps = deps;
    this.#policy = policy;
    this.watch = new JobWatch(deps.clock, deps.observer);
  }

  /**
   * Reads, decides and writes until no other writer came between. Undefined when there is no such job. Anyone may ask
   * for a cancel; all else is the leader's, and `lease_lost` for one that leads no more or has a successor. The record
   * at hand is tried first: only a write proves that it was the newest, and without one nothing is concluded from it.
   */
  async change(jobId: string, change: JobChange): Promise<WrittenChange | undefined> {
    const { store, clock, leadership } = this.#deps;
    for (let recalled = store.recall(jobId); ; recalled = undefined) {
      const stored = recalled ?? (await store.get(jobId, neverAborts));
      if (stored === undefined) return undefined;
      const before = stored.job;
      const { job, events } = next(before, change, clock.wallTime(), this.#policy);
      const term = change.kind === "cancel_asked" ? (leadership.term ?? before.term) : leadership.term;
      const isFenced = term === undefined || term < before.term;
      if (recalled !== undefined && (job === before || isFenced)) continue;
      if (job === before) return { before, job };
      if (isFenced) throw this.#fenced(before, change.kind, term);
      const written = await store.update({ ...job, term }, stored.revision, events, neverAborts);
      if (written === undefined) continue;
      this.#follow(before, written);
      this.watch.changed(change.kind, before, job);
      this.#sweepCheckpoints(before, job);
      return { before, job: written.job };
    }
  }

  #fenced({ id, term: newest }: Job, change: JobChange["kind"], term: number | undefined): ClusterError {
    this.#deps.observer.writeFenced();
    const why =
      term === undefined ? "this coordinator leads no more" : `term ${term} is over since ${newest}`;
    return new ClusterError("lease_lost", `job ${id} was not changed (${change}): ${why}`);
  }

  #follow(before: Job, written: StoredJob): void {
    const { job } = written;
    const { log, observer, artifacts, background, backlog, onWaiting, onNotWaiting } = this.#deps;
    backlog.follow(job);
    if (before.state.kind === job.state.kind) return;
    if (job.state.kind === "queued") {
      log.warn({ jobId: job.id, attempts: job.attempts }, "job queued again");
      onWaiting(written);
    } else onNotWaiting(job.id);
    if (before.state.kind === "running" && job.state.kind !== "completed") {
      const attempt = { jobId: job.id, epoch: before.epoch };
      background.runLater(job.id, () => artifacts.sweep(attempt, neverAborts));
    }
    if (!isTerminal(job.state.kind)) return;
    const outcome = job.state.kind;
    const reason = job.state.kind === "failed" ? job.state.error.code : "";
    const seconds = Math.max(0, ((job.finishedAt ?? job.createdAt) - job.createdAt) / 1000);
    if (reason === "deadline_exceeded") observer.deadlineMissed();
    this.#deps.tracer?.ended(spanOfJob(job));
    observer.jobFinished({ model: job.request.model, outcome, reason, seconds });
    log.info({ jobId: job.id, outcome, reason, attempts: job.attempts, seconds }, "job finished");
  }

  /** What an older step stored is of no use any more, and nothing is once the job has ended. */
  #sweepCheckpoints(before: Job, job: Job): void {
    const { checkpoints, background } = this.#deps;
    if (before.state.kind === "running" && job.state.kind !== "running") {
      // It may have been stored without a report that names it.
      const unnamed = { epoch: before.epoch, step: before.progress.step + 1 };
      background.runLater(job.id, () => checkpoints.delete(job.id, unnamed, neverAborts));
    }
    const kept = isTerminal(job.state.kind) ? [] : statesOf(job);
    for (const state of new Set([...statesOf(before), ...statesOf(job)]))
      if (!kept.some((other) => other.epoch === state.epoch && other.step === state.step))
        background.runLater(job.id, () => checkpoints.delete(job.id, state, neverAborts));
  }
}
