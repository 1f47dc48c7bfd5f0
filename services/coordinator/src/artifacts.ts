import type { BlobStore } from "./blob-store.js";
import { isCurrent, requireCurrent } from "./current-attempt.js";
import { ARTIFACT_KINDS, type Artifact, type ArtifactKind, type Job } from "./job.js";
import type { JobStore } from "./job-store.js";
import type { Assignment } from "./workers.js";

/** Where an attempt's artifact is stored: the epoch keeps attempts apart. */
export function artifactKey(jobId: string, epoch: number, kind: ArtifactKind): string {
  return `jobs/${jobId}/${epoch}/${kind}`;
}

/** What workers upload, stored under the attempt that made it. */
export class Artifacts {
  readonly #store: JobStore;
  readonly #blobs: BlobStore;

  constructor(deps: { readonly store: JobStore; readonly blobs: BlobStore }) {
    this.#store = deps.store;
    this.#blobs = deps.blobs;
  }

  /**
   * Stores one artifact of a running assignment; durable once it resolves. Throws `lease_lost` when the epoch is over,
   * `data_loss` when size or sha256 differ from what `artifact` announces.
   */
  async put(
    assignment: Assignment,
    artifact: Artifact,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { jobId, epoch } = assignment;
    requireCurrent(await this.#job(jobId, signal), assignment, "artifacts");
    const key = artifactKey(jobId, epoch, artifact.kind);
    await this.#blobs.put(key, data, artifact, signal);
    const job = await this.#job(jobId, signal);
    // The attempt may have ended meanwhile, and its artifacts been swept; or another call for the same one was faster.
    const isPublished = job?.state.kind === "completed" && job.epoch === epoch;
    if (!isCurrent(job, assignment) && !isPublished) await this.#blobs.delete(key, signal);
    requireCurrent(job, assignment, "artifacts");
  }

  /** Why an attempt that says it is done is not: what it should have made and stored is missing or differs. */
  async missing(job: Job, epoch: number, made: readonly Artifact[], signal: AbortSignal): Promise<string[]> {
    const problems: string[] = [];
    for (const kind of ["video", ...job.request.extraArtifacts] as const) {
      const artifact = made.find((one) => one.kind === kind);
      if (artifact === undefined) {
        problems.push(`the worker did not report its ${kind}`);
        continue;
      }
      const stored = await this.#blobs.stat(artifactKey(job.id, epoch, kind), signal);
      if (stored === undefined) problems.push(`the ${kind} was not stored`);
      else if (stored.bytes !== artifact.bytes || stored.sha256 !== artifact.sha256)
        problems.push(`the ${kind} that was stored is not the one that the worker reported`);
    }
    return problems;
  }

  /** Removes what an attempt stored. */
  async sweep({ jobId, epoch }: Assignment, signal: AbortSignal): Promise<void> {
    for (const kind of ARTIFACT_KINDS) await this.#blobs.delete(artifactKey(jobId, epoch, kind), signal);
  }

  async #job(jobId: string, signal: AbortSignal): Promise<Job | undefined> {
    return (await this.#store.get(jobId, signal))?.job;
  }
}
