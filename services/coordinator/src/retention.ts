import { type Clock, ClusterError, type Logger } from "@cogfleet/core";
import type { BlobStore } from "./blob-store.js";
import { isTerminal, JOB_STATES, type Job } from "./job.js";
import type { JobStore } from "./job-store.js";

export interface RetentionDeps {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RetentionPolicy {
  /** Hours for which a job is kept after its end. */
  readonly retainHours: number;
  /** Ended jobs that are kept at most: the newest. */
  readonly retainJobs: number;
}

const PAGE = 100;
const ROUND_MS = 5 * 60_000;
/** Finding what uploads left takes a question for each blob that is stored. */
const ROUNDS_PER_UPLOAD_SWEEP = 12;
const TERMINAL = JOB_STATES.filter(isTerminal);

/** Removes ended jobs when their time is over, and files that belong to no job any more. */
export class Retention {
  readonly #deps: RetentionDeps;
  readonly #policy: RetentionPolicy;

  constructor(deps: RetentionDeps, policy: RetentionPolicy) {
    this.#deps = deps;
    this.#policy = policy;
  }

  /** Sweeps what a crash left behind, then removes what is too old, again and again until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (reason) {
        if (signal.aborted) return;
        log.warn({ err: reason, code: ClusterError.from(reason).code }, `${what} were not removed`);
      }
    };
    await attempt("files without a job", () => this.sweep(signal));
    for (let round = 0; !signal.aborted; round += 1) {
      await attempt("old jobs", () => this.expire(signal));
      if (round % ROUNDS_PER_UPLOAD_SWEEP === 0)
        await attempt("uploads that were cut off", () => this.sweepUploads(signal));
      await clock.sleep(ROUND_MS, signal).catch(() => {});
    }
  }

  /** Removes the jobs whose time is over, each with its files. */
  async expire(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#deps;
    const { retainHours, retainJobs } = this.#policy;
    const endedBefore = clock.wallTime() - retainHours * 3_600_000;
    let kept = 0;
    let removed = 0;
    for (let before: number | undefined; ; ) {
      const page = await store.list({ states: TERMINAL, labels: {}, before, limit: PAGE }, signal);
      for (const { job } of page) {
        if (kept < retainJobs && (job.finishedAt ?? job.createdAt) >= endedBefore) kept += 1;
        else {
          // The record first: a job that is still listed can be downloaded.
          await store.delete(job.id, signal);
          await this.#deleteBlobs(`jobs/${job.id}/`, signal);
          removed += 1;
        }
      }
      if (page.length < PAGE) break;
      before = page.at(-1)?.order;
    }
    if (removed > 0) log.info({ removed, kept }, "old jobs removed");
  }

  /** Removes files that belong to no job, to an attempt that failed, or that only an unfinished job needs. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { store, blobs, log } = this.#deps;
    let removed = 0;
    for await (const key of blobs.keys("jobs/", signal)) {
      const [, jobId = "", epoch, name = ""] = key.split("/");
      let job: Job | undefined;
      try {
        job = (await store.get(jobId, signal))?.job;
      } catch (reason) {
        if (ClusterError.from(reason).code !== "data_loss") throw reason;
        continue; // its record is damaged: the video may be all that is left of it
      }
      if (job !== undefined && isOf(job, Number(epoch), name)) continue;
      await blobs.delete(key, signal);
      removed += 1;
    }
    if (removed > 0) log.info({ removed }, "files without a job removed");
  }

  /** Removes what uploads left that were cut off. */
  async sweepUploads(signal: AbortSignal): Promise<void> {
    const uploads = (await this.#deps.blobs.sweep?.(signal)) ?? 0;
    if (uploads > 0) this.#deps.log.info({ uploads }, "uploads that were cut off removed");
  }

  async #deleteBlobs(prefix: string, signal: AbortSignal): Promise<void> {
    for await (const key of this.#deps.blobs.keys(prefix, signal)) await this.#deps.blobs.delete(key, signal);
  }
}

/** Whether a file of an attempt is one that the job has, or may still need. */
function isOf(job: Job, epoch: number, name: string): boolean {
  const { state } = job;
  if (!isTerminal(state.kind)) return true;
  if (state.kind !== "completed" || epoch !== job.epoch) return false;
  return state.artifacts.some(({ kind }) => kind === name);
}
