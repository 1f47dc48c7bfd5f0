import { type Clock, ClusterError, type Logger, neverAborts } from "@cogfleet/core";
import type { Artifacts } from "./artifacts.js";
import { type Artifact, isTerminal, type Job } from "./job.js";
import { type JobChange, type LifePolicy, next } from "./job-life.js";
import type { JobStore, StoredJob } from "./job-store.js";
import type { Observer } from "./observer.js";
import { JobQueue, type QueuedJob } from "./queue.js";
import { type Pairing, schedule } from "./scheduler.js";
import type { Assignment, Connection, WorkerRegistry } from "./workers.js";

export interface DispatcherDeps {
  readonly store: JobStore;
  readonly artifacts: Artifacts;
  readonly workers: WorkerRegistry;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Logger;
}

/** An assignment is done: what was made, and the wall seconds of each stage. */
export interface DoneReport extends Assignment {
  readonly artifacts: readonly Artifact[];
  readonly encodeSeconds: number;
  readonly denoiseSeconds: number;
  readonly decodeSeconds: number;
}

/** Brings waiting jobs and idle workers together, and writes down what becomes of them. */
export class Dispatcher {
  readonly queue = new JobQueue();
  readonly #deps: DispatcherDeps;
  readonly #policy: LifePolicy;
  readonly #background = new Set<Promise<void>>();

  constructor(deps: DispatcherDeps, policy: LifePolicy) {
    this.#deps = deps;
    this.#policy = policy;
  }

  /** A stored job waits from now on. */
  enqueue(stored: StoredJob): void {
    this.#wait(stored);
    this.kick();
  }

  /** Starts what can start. Cheap: called after everything that may free a worker or add a job. */
  kick(): void {
    const idle = this.#deps.workers.idle().map(({ worker }) => ({
      id: worker.id,
      models: worker.models.map((model) => model.name),
    }));
    if (idle.length === 0 || this.queue.size === 0) return;
    for (const pairing of schedule(this.queue, idle)) this.#start(pairing);
  }

  /**
   * Applies a worker's report to its job. A report of a dead epoch changes nothing: false, and the worker is told to
   * stop that assignment.
   */
  async apply(connection: Connection, change: JobChange & Assignment): Promise<boolean> {
    const { jobId, epoch } = change;
    const result = await this.#change(jobId, change);
    if (result?.before.state.kind === "running" && result.before.epoch === epoch) return true;
    this.#deps.observer.writeFenced();
    connection.link.send({ kind: "cancel", jobId, epoch });
    return false;
  }

  /** The worker says it is done: the job completes once all that it should have made is found stored. */
  async finish(connection: Connection, report: DoneReport): Promise<void> {
    const { jobId, epoch, artifacts, decodeSeconds: seconds } = report;
    const stored = await this.#deps.store.get(jobId, neverAborts);
    const problems =
      stored?.job.state.kind === "running" && stored.job.epoch === epoch
        ? await this.#deps.artifacts.missing(stored.job, epoch, artifacts, neverAborts)
        : [];
    if (problems.length > 0) {
      const error = { code: "data_loss", message: problems.join("; ") };
      await this.fail(connection, { kind: "attempt_failed", jobId, epoch, error, isRetryable: true });
      return;
    }
    if (await this.apply(connection, { kind: "completed", jobId, epoch, artifacts, seconds })) {
      const { observer } = this.#deps;
      observer.stageDone("encode", report.encodeSeconds);
      observer.stageDone("denoise", report.denoiseSeconds);
      observer.stageDone("decode", report.decodeSeconds);
    }
    this.#release(connection, report);
  }

  /** The worker gave the assignment up: it failed, or it confirms a cancel. */
  async fail(
    connection: Connection,
    change: JobChange & Assignment & { kind: "attempt_failed" },
  ): Promise<void> {
    await this.apply(connection, change);
    this.#release(connection, change);
  }

  /** A worker is gone for good: what it held is queued again. */
  lose(connection: Connection, detectedBy: "stream" | "lease" | "reconnect", message: string): void {
    const { assignment, worker } = connection;
    this.#deps.observer.workerLost(detectedBy);
    this.#deps.log.warn({ workerId: worker.id, detectedBy, jobId: assignment?.jobId }, "worker lost");
    if (assignment !== undefined) this.#takeBack(assignment, message);
  }

  /** Takes back what a living worker holds, because its last report of it could not be written down. */
  abandon(connection: Connection): void {
    const { assignment, worker } = connection;
    if (assignment === undefined) return;
    this.#release(connection, assignment);
    this.#takeBack(assignment, `the report of worker ${worker.id} could not be written down`);
  }

  #takeBack({ jobId, epoch }: Assignment, message: string): void {
    this.#inBackground(jobId, async () => {
      await this.#change(jobId, { kind: "worker_lost", epoch, message });
      this.kick();
    });
  }

  /** The job after the cancel was written down; undefined when there is no such job. */
  async cancel(jobId: string, signal: AbortSignal): Promise<Job | undefined> {
    signal.throwIfAborted();
    const result = await this.#change(jobId, { kind: "cancel_asked" });
    if (result?.job.state.kind === "running") {
      const { epoch } = result.job;
      this.#deps.workers.holder({ jobId, epoch })?.link.send({ kind: "cancel", jobId, epoch });
    }
    return result?.job;
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  #start({ jobId, workerId }: Pairing): void {
    const { workers } = this.#deps;
    const queued = this.queue.remove(jobId);
    if (queued === undefined) return;
    // Taken at once, so that the next round sees neither the job nor the worker.
    const assignment = { jobId, epoch: queued.nextEpoch };
    const connection = workers.assign(workerId, assignment);
    this.#inBackground(jobId, async () => {
      try {
        await this.#assign(connection, assignment, queued);
      } catch (reason) {
        // The store did not take it: the job waits for the next tick.
        workers.release(connection, assignment);
        this.queue.add(queued);
        throw reason;
      }
    });
  }

  async #assign(connection: Connection, assignment: Assignment, queued: QueuedJob): Promise<void> {
    const { workers, clock, observer, log } = this.#deps;
    const { jobId, epoch } = assignment;
    const workerId = connection.worker.id;
    const result = await this.#change(jobId, { kind: "assigned", epoch, workerIds: [workerId] });
    if (result?.job.state.kind !== "running" || result.job.epoch !== epoch) {
      // It was cancelled, or removed, before it could start.
      this.#release(connection, assignment);
      return;
    }
    observer.jobAssigned((clock.now() - queued.queuedAt) / 1000);
    log.info({ jobId, workerId, epoch, attempt: result.job.attempts }, "job assigned");
    if (workers.holder(assignment) === undefined) {
      // The worker was lost while this was written, when there was no assignment to lose yet.
      const message = `worker ${workerId} left before it could start`;
      await this.#change(jobId, { kind: "worker_lost", epoch, message });
      this.kick();
      return;
    }
    connection.link.send({ kind: "assign", ...assignment, request: result.job.request });
    // A cancel that came before the worker knew of the job must reach it too.
    const now = await this.#deps.store.get(jobId, neverAborts);
    if (now?.job.state.kind === "running" && now.job.state.isCancelAsked)
      connection.link.send({ kind: "cancel", ...assignment });
  }

  #release(connection: Connection, assignment: Assignment): void {
    if (this.#deps.workers.release(connection, assignment)) this.kick();
  }

  #wait({ job, order }: StoredJob): void {
    this.queue.add({
      jobId: job.id,
      model: job.request.model,
      priority: job.request.priority,
      order,
      nextEpoch: job.epoch + 1,
      queuedAt: this.#deps.clock.now(),
      lastWorkerIds: job.workerIds,
    });
  }

  /** Reads, decides and writes until no other writer came between; then keeps queue and metrics in step. */
  async #change(jobId: string, change: JobChange): Promise<{ before: Job; job: Job } | undefined> {
    const { store, clock } = this.#deps;
    for (;;) {
      const stored = await store.get(jobId, neverAborts);
      if (stored === undefined) return undefined;
      const before = stored.job;
      const { job, events } = next(before, change, clock.wallTime(), this.#policy);
      if (job === before) return { before, job };
      const written = await store.update(job, stored.revision, events, neverAborts);
      if (written === undefined) continue;
      this.#follow(before, written);
      return { before, job };
    }
  }

  #follow(before: Job, written: StoredJob): void {
    const { job } = written;
    const { log, observer } = this.#deps;
    if (before.state.kind === job.state.kind) return;
    if (job.state.kind === "queued") {
      log.warn({ jobId: job.id, attempts: job.attempts }, "job queued again");
      this.#wait(written);
    } else this.queue.remove(job.id);
    if (before.state.kind === "running" && job.state.kind !== "completed") {
      const attempt = { jobId: job.id, epoch: before.epoch };
      this.#inBackground(job.id, () => this.#deps.artifacts.sweep(attempt, neverAborts));
    }
    if (!isTerminal(job.state.kind)) return;
    const outcome = job.state.kind;
    const reason = job.state.kind === "failed" ? job.state.error.code : "";
    const seconds = Math.max(0, ((job.finishedAt ?? job.createdAt) - job.createdAt) / 1000);
    observer.jobFinished({ model: job.request.model, outcome, reason, seconds });
    log.info({ jobId: job.id, outcome, reason, attempts: job.attempts, seconds }, "job finished");
  }

  #inBackground(jobId: string, work: () => Promise<void>): void {
    const task = work()
      .catch((reason: unknown) => {
        const { code } = ClusterError.from(reason);
        this.#deps.log.error({ err: reason, jobId, code }, "job was not moved on");
      })
      .finally(() => this.#background.delete(task));
    this.#background.add(task);
  }
}
