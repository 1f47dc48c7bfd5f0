import { type Clock, ClusterError, type Logger, type Random } from "@cogfleet/core";
import { Admission, type AdmissionLimits } from "./admission.js";
import { artifactKey } from "./artifacts.js";
import type { Backlog } from "./backlog.js";
import type { BlobStore } from "./blob-store.js";
import { ChangeGate } from "./change-gate.js";
import type { Dispatcher } from "./dispatcher.js";
import { EventPages } from "./event-pages.js";
import { type Artifact, type ArtifactKind, DEFAULT_TENANT, type Job, type JobEvent, newJob } from "./job.js";
import type { JobQuery, JobStore, StoredJob } from "./job-store.js";
import type { ModelCatalog } from "./models.js";
import type { Observer } from "./observer.js";
import { leastRanks } from "./planning.js";
import { bodySha256, isTenant, type RequestGate, resolveSubmission, type SubmitBody } from "./submission.js";
import type { WorkerRegistry } from "./workers.js";

export interface JobsDeps {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly models: ModelCatalog;
  readonly dispatcher: Dispatcher;
  readonly backlog: Pick<Backlog, "figures" | "workSecondsOf">;
  readonly workers: Pick<WorkerRegistry, "all">;
  readonly gate: RequestGate;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly log: Logger;
}

/** A part of a stored artifact. */
export interface ArtifactPart {
  readonly artifact: Artifact;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** What clients can do with jobs. */
export class Jobs {
  readonly #deps: JobsDeps;
  readonly #admission: Admission;
  readonly #pages: EventPages;

  constructor(deps: JobsDeps, limits: AdmissionLimits) {
    this.#deps = deps;
    this.#pages = new EventPages({ store: deps.store, job: (jobId, signal) => this.get(jobId, signal) });
    const { queue } = deps.dispatcher;
    this.#admission = new Admission(
      {
        has: (jobId) => queue.has(jobId),
        loadFor: (tenant) => ({
          queued: queue.size,
          queuedSeconds: deps.backlog.figures(undefined).queuedWorkSeconds,
          tenantQueued: queue.sizeOfTenant(tenant),
          workers: deps.workers.all().length,
        }),
      },
      limits,
    );
  }

  /**
   * Checks and queues a job; it is stored once this resolves.
   * @param traceparent of the span that submits it, which is no part of the request: a retry may carry another
   */
  async submit(body: SubmitBody, signal: AbortSignal, traceparent?: string): Promise<Job> {
    try {
      return await this.#submit(body, signal, traceparent);
    } catch (reason) {
      this.#deps.observer.submitRejected(ClusterError.from(reason).code);
      throw reason;
    }
  }

  async #submit(body: SubmitBody, signal: AbortSignal, traceparent: string | undefined): Promise<Job> {
    const { store, models, backlog, gate, clock, random, observer, log } = this.#deps;
    const sha256 = bodySha256(body);
    // Before any other check: a client that asks again must get its job, whatever has changed meanwhile.
    const { idempotencyKey: key, tenant = DEFAULT_TENANT } = body;
    const isKeyed = key !== undefined && isTenant(tenant);
    const holder = isKeyed ? await store.findByIdempotencyKey(tenant, key, signal) : undefined;
    if (holder !== undefined) return this.#sameJob(holder, sha256);

    const facts = models.choose(body.model);
    const request = resolveSubmission(body, facts, gate, random, clock.wallTime());
    const id = random.id();
    const left = this.#admission.enter({
      jobId: id,
      tenant: request.tenant,
      workSeconds: backlog.workSecondsOf(request),
      minRanks: leastRanks(request.parallel),
    });
    try {
      const at = clock.wallTime();
      const traced = traceparent === undefined ? {} : { traceparent };
      const admitted = {
        id,
        request,
        modelDigest: facts.digest,
        bodySha256: sha256,
        warnings: [],
        ...traced,
      };
      const { job, event } = newJob(admitted, at);
      const { isNew, stored } = await store.create(job, [event], signal);
      if (!isNew) return this.#sameJob(stored, sha256);
      observer.jobSubmitted(facts.name);
      log.info({ jobId: stored.job.id, model: facts.name, priority: request.priority }, "job queued");
      return stored.job;
    } finally {
      left();
    }
  }

  #sameJob({ job }: StoredJob, sha256: string): Job {
    if (job.bodySha256 !== sha256) {
      throw new ClusterError(
        "already_exists",
        `idempotency_key "${job.request.idempotencyKey}" was used with another body, for job ${job.id}`,
      );
    }
    this.#deps.observer.submitDeduplicated();
    return job;
  }

  /** Throws `job_not_found`. */
  async get(jobId: string, signal: AbortSignal): Promise<Job> {
    const stored = await this.#deps.store.get(jobId, signal);
    if (stored === undefined) throw jobNotFound(jobId);
    return stored.job;
  }

  list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]> {
    return this.#deps.store.list(query, signal);
  }

  /** Jobs ahead of this one while it is queued. */
  queuePosition(jobId: string): number {
    return this.#deps.dispatcher.queue.position(jobId);
  }

  /**
   * The events after a sequence number, then new ones as they come; ends after the terminal one. Reads from the store
   * at the reader's pace, together with others that want the same, and keeps nothing for it but one page.
   */
  async *watch(
    jobId: string,
    afterSequence: number,
    signal: AbortSignal,
  ): AsyncGenerator<JobEvent, void, undefined> {
    await this.get(jobId, signal);
    const changes = new ChangeGate();
    const unsubscribe = this.#deps.store.onChange(jobId, () => {
      this.#pages.changed(jobId);
      changes.open();
    });
    try {
      for (let seen = afterSequence; ; ) {
        changes.close(); // before reading: a change between the read and the wait must not be missed
        const { events, isLast } = await this.#pages.read(jobId, seen, signal);
        for (const event of events) {
          yield event;
          seen = event.sequence;
        }
        if (isLast) return;
        if (events.length === 0) await changes.opened(signal);
      }
    } finally {
      unsubscribe();
      this.#pages.changed(jobId); // of which nobody might tell now
    }
  }

  /** Queued: cancelled at once. Running: asks the worker. Ended: unchanged. Throws `job_not_found`. */
  async cancel(jobId: string, signal: AbortSignal): Promise<Job> {
    const job = await this.#deps.dispatcher.cancel(jobId, signal);
    if (job === undefined) throw jobNotFound(jobId);
    return job;
  }

  /** Throws `artifact_unavailable` when the job has no such artifact (yet), `invalid_request` for an offset beyond it. */
  async openArtifact(
    jobId: string,
    kind: ArtifactKind,
    offset: number,
    signal: AbortSignal,
  ): Promise<ArtifactPart> {
    const job = await this.get(jobId, signal);
    if (job.state.kind !== "completed") {
      throw new ClusterError(
        "artifact_unavailable",
        `job ${jobId} is ${job.state.kind}: it has no ${kind} to download`,
      );
    }
    const artifact = job.state.artifacts.find((made) => made.kind === kind);
    if (artifact === undefined) {
      const kinds = job.state.artifacts.map((made) => made.kind).join(", ");
      throw new ClusterError("artifact_unavailable", `job ${jobId} did not make ${kind}; it made ${kinds}`);
    }
    if (offset > artifact.bytes) {
      throw new ClusterError(
        "invalid_request",
        `offset must be at most the artifact's size of ${artifact.bytes} bytes, got ${offset}`,
      );
    }
    const pieces = this.#deps.blobs.get(artifactKey(jobId, job.epoch, kind), offset, signal);
    return { artifact, pieces };
  }
}

function jobNotFound(jobId: string): ClusterError {
  return new ClusterError("job_not_found", `there is no job "${jobId}"`);
}
