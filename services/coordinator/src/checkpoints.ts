import { ClusterError } from "@cogfleet/core";
import type { BlobStore } from "./blob-store.js";
import { checkedBytes } from "./checked-bytes.js";
import type { Checkpoint } from "./job.js";
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
    state: Pick<Checkpoint, "step" | "bytes" | "sha256">,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#requireCurrent({ jobId, epoch }, signal);
    const key = keyOf(jobId, { epoch, step: state.step });
    await this.#blobs.put(key, data, state, signal);
    try {
      await this.#requireCurrent({ jobId, epoch }, signal);
    } catch (reason) {
      await this.#blobs.delete(key, signal);
      throw reason;
    }
  }

  /** Where an assignment starts. Throws `lease_lost` when the epoch is over, `artifact_unavailable` without a checkpoint. */
  async open(assignment: Assignment, signal: AbortSignal): Promise<OpenCheckpoint> {
    const { checkpoint } = await this.#requireCurrent(assignment, signal);
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

  async #requireCurrent({ jobId, epoch }: Assignment, signal: AbortSignal) {
    const stored = await this.#store.get(jobId, signal);
    if (stored?.job.state.kind === "running" && stored.job.epoch === epoch) return stored.job;
    throw new ClusterError(
      "lease_lost",
      `epoch ${epoch} of job "${jobId}" is over: its checkpoints are not wanted`,
    );
  }
}

function keyOf(jobId: string, { epoch, step }: Pick<Checkpoint, "epoch" | "step">): string {
  return `jobs/${jobId}/${epoch}/step-${step}`;
}
