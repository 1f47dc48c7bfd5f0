import { ClusterError } from "@cogfleet/core";
import type { BlobStore } from "./blob-store.js";
import { checkedBytes } from "./checked-bytes.js";
import { isCurrent, requireCurrent } from "./current-attempt.js";
import { type Checkpoint, isTerminal, type Job, statesOf } from "./job.js";
import type { JobStore } from "./job-store.js";
import type { Assignment } from "./workers.js";

/** A stored state, and its bytes. */
export interface OpenCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** The states of jobs after their steps, as workers store them. */
export class Checkpoints {
  readonly #store: JobStore;
  readonly #blobs: BlobStore;

  constructor(deps: { readonly store: JobStore; readonly blobs: BlobStore }) {
    this.#store = deps.store;
    this.#blobs = deps.blobs;
  }

  /**
   * Stores the state of a running assignment; durable once it resolves. It is the job's once a report names it. Throws
   * `lease_lost` when the epoch is over, `data_loss` when size or sha256 differ from what was announced.
   */
  async put(
    { jobId, epoch }: Assignment,
    { step, ...expected }: Pick<Checkpoint, "step" | "bytes" | "sha256">,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const assignment = { jobId, epoch };
    requireCurrent(await this.#job(jobId, signal), assignment, "checkpoints");
    const state = { epoch, step };
    const key = keyOf(jobId, state);
    await this.#blobs.put(key, data, expected, signal);
    const job = await this.#job(jobId, signal);
    // The attempt may have ended meanwhile, or got farther; or another call for the same state was faster.
    const mayBeNamed = isCurrent(job, assignment) && step > job.progress.step;
    if (!mayBeNamed && !isNamed(job, state)) await this.#blobs.delete(key, signal);
    requireCurrent(job, assignment, "checkpoints");
  }

  /** Where an assignment starts. Throws `lease_lost` when the epoch is over, `artifact_unavailable` without a checkpoint. */
  async open(assignment: Assignment, signal: AbortSignal): Promise<OpenCheckpoint> {
    const { checkpoint } = requireCurrent(
      await this.#job(assignment.jobId, signal),
      assignment,
      "checkpoints",
    );
    if (checkpoint === undefined)
      throw new ClusterError("artifact_unavailable", `job "${assignment.jobId}" has no checkpoint`);
    return { checkpoint, pieces: this.#blobs.get(keyOf(assignment.jobId, checkpoint), 0, signal) };
  }

  /** Whether the state is stored as it was announced. */
  async isWhole(jobId: string, checkpoint: Checkpoint, signal: AbortSignal): Promise<boolean> {
    const key = keyOf(jobId, checkpoint);
    try {
      for await (const _piece of checkedBytes(key, this.#blobs.get(key, 0, signal), checkpoint, signal));
      return true;
    } catch (reason) {
      const { code } = ClusterError.from(reason);
      if (code === "data_loss" || code === "artifact_unavailable") return false;
      throw reason;
    }
  }

  async delete(
    jobId: string,
    checkpoint: Pick<Checkpoint, "epoch" | "step">,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#blobs.delete(keyOf(jobId, checkpoint), signal);
  }

  async #job(jobId: string, signal: AbortSignal): Promise<Job | undefined> {
    return (await this.#store.get(jobId, signal))?.job;
  }
}

/** Whether the job may still go on from this state. */
function isNamed(job: Job | undefined, { epoch, step }: Pick<Checkpoint, "epoch" | "step">): boolean {
  if (job === undefined || isTerminal(job.state.kind)) return false;
  return statesOf(job).some((state) => state.epoch === epoch && state.step === step);
}

function keyOf(jobId: string, { epoch, step }: Pick<Checkpoint, "epoch" | "step">): string {
  return `jobs/${jobId}/${epoch}/step-${step}`;
}
