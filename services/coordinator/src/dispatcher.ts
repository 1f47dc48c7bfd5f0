import { type Clock, ClusterError, type Logger, neverAborts } from "@cogfleet/core";
import { parseParallel } from "@cogfleet/parallel";
import type { Artifacts } from "./artifacts.js";
import type { Backlog } from "./backlog.js";
import type { Checkpoints } from "./checkpoints.js";
import { type Group, GroupTable, type Verdict } from "./groups.js";
import { type Artifact, isTerminal, type Job } from "./job.js";
import { type JobChange, type LifePolicy, next } from "./job-life.js";
import type { JobStore, StoredJob } from "./job-store.js";
import type { FailureSign, Observer } from "./observer.js";
import { formOf, partsOf, planGroup } from "./planning.js";
import { JobQueue, type QueuedJob } from "./queue.js";
import { type FleetWorker, type GroupStart, kinOf, schedule } from "./scheduler.js";
import type { Assignment, Connection, WorkerRegistry } from "./workers.js";

export interface DispatcherDeps {
  readonly store: JobStore;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly workers: WorkerRegistry;
  readonly backlog: Pick<Backlog, "follow">;
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
  readonly #groups = new GroupTable();
  readonly #deps: DispatcherDeps;
  readonly #policy: LifePolicy;
  readonly #background = new Set<Promise<void>>();

  constructor(deps: DispatcherDeps, policy: LifePolicy) {
    this.#deps = deps;
    this.#policy = policy;
  }

  /** A stored job waits from now on. */
  enqueue(stored: StoredJob): void {
    this.#deps.backlog.follow(stored.job);
    this.#wait(stored);
    this.kick();
  }

  /** Starts what can start. Cheap: called after everything that may free a worker or add a job. */
  kick(): void {
    const { workers } = this.#deps;
    const idle = workers.idle();
    if (idle.length === 0 || this.queue.size === 0) return;
    const all = workers.all().filter((one) => !one.isDraining && !this.#groups.isStuck(one));
    const starts = schedule(this.queue, idle.map(toFleetWorker), all.map(toFleetWorker), {
      planFor: (job, workerIds) => {
        const chosen = workerIds.flatMap((id) => idle.filter(({ worker }) => worker.id === id));
        return planGroup(job.request, parseParallel(job.request.parallel) ?? {}, job.keptPlan, chosen);
      },
      isGathering: (jobId) => this.#groups.isLettingGo(jobId),
    });
    for (const start of starts) this.#start(start);
  }

  /** Lets time pass: ends the attempts that hang, or whose lost rank has not spoken. */
  tick(elapsedMs: number): void {
    for (const { group, verdict, isHung } of this.#groups.tick(elapsedMs)) {
      const { jobId } = group.assignment;
      const seconds = isHung ? (group.sinceStepMs ?? 0) / 1000 : group.suspectedMs / 1000;
      this.#noticed(isHung ? "stall" : "peer", seconds, { jobId });
      this.#inBackground(jobId, () => this.#decide(group, verdict));
    }
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

  /** Rank 0 says that a step is done, and what it stored of it. */
  async stepDone(
    connection: Connection,
    change: JobChange & Assignment & { kind: "step_done" },
  ): Promise<void> {
    const group = this.#groups.of(connection, change);
    if (!(await this.apply(connection, change))) return;
    this.#deps.observer.stepDone(group?.size ?? 1, change.seconds);
    if (group === undefined) return;
    group.stepDone(change.seconds);
    if (group.leaving !== undefined && group.verdict === undefined)
      await this.#decide(group, { kind: "worker_lost", epoch: change.epoch, message: group.leaving });
  }

  /** Rank 0 begins a stage. */
  async stageStarted(
    connection: Connection,
    change: JobChange & Assignment & { kind: "stage_started" },
  ): Promise<void> {
    const group = this.#groups.of(connection, change);
    if (group !== undefined && change.stage !== "denoise") group.sinceStepMs = undefined;
    await this.apply(connection, change);
  }

  /** The worker takes nothing new. What it does with others they go on with, without it, from the next step on. */
  drain(connection: Connection): void {
    this.#deps.workers.drain(connection);
    const { assignment, worker } = connection;
    const group = assignment && this.#groups.of(connection, assignment);
    if (group !== undefined && group.size > 1) group.leaving = `worker ${worker.id} is shutting down`;
  }

  /** The worker says it is done. With rank 0 the job completes, once all that it should have made is found stored. */
  async finish(connection: Connection, report: DoneReport): Promise<void> {
    const { jobId, epoch, artifacts, decodeSeconds: seconds } = report;
    const group = this.#groups.of(connection, report);
    if (group !== undefined && (group.rankOf(connection) > 0 || group.verdict !== undefined)) {
      this.#release(connection, report);
      return;
    }
    const change = { kind: "completed", jobId, epoch, artifacts, seconds } as const;
    // From here on the other ranks may go: nothing depends on them any more.
    if (group !== undefined) group.verdict = change;
    const stored = await this.#deps.store.get(jobId, neverAborts);
    const problems =
      stored?.job.state.kind === "running" && stored.job.epoch === epoch
        ? await this.#deps.artifacts.missing(stored.job, epoch, artifacts, neverAborts)
        : [];
    if (problems.length > 0) {
      if (group !== undefined) group.verdict = undefined;
      const error = { code: "data_loss", message: problems.join("; ") };
      await this.fail(connection, { kind: "attempt_failed", jobId, epoch, error, isRetryable: true });
      return;
    }
    if (await this.apply(connection, change)) {
      const { observer } = this.#deps;
      observer.stageDone("encode", report.encodeSeconds);
      observer.stageDone("denoise", report.denoiseSeconds);
      observer.stageDone("decode", report.decodeSeconds);
    }
    this.#release(connection, report);
  }

  /**
   * The worker gave the assignment up: it failed, or it confirms a cancel. That ends the attempt for all its ranks; when
   * it only says that another rank was lost, that rank has a moment to say why.
   */
  async fail(
    connection: Connection,
    change: JobChange & Assignment & { kind: "attempt_failed"; lostRank?: number | undefined },
  ): Promise<void> {
    const group = this.#groups.of(connection, change);
    if (group === undefined) await this.apply(connection, change);
    else if (group.verdict === undefined) {
      const suspect = change.error.code === "peer_lost" ? change.lostRank : undefined;
      const others = this.#deps.workers.holders(change).filter((holder) => holder !== connection);
      if (suspect === undefined || suspect === group.rankOf(connection) || others.length === 0)
        await this.#decide(group, suspect === undefined ? change : (group.suspicion ?? change));
      else {
        const { message } = change.error;
        group.suspicion ??= { kind: "worker_lost", epoch: change.epoch, message };
      }
    }
    this.#release(connection, change);
  }

  /** A worker is gone for good: the attempt that it took part in is over. */
  lose(connection: Connection, detectedBy: "stream" | "lease" | "reconnect", message: string): void {
    const { assignment, worker } = connection;
    this.#deps.observer.workerLost(detectedBy);
    const seconds = this.#deps.workers.silentSeconds(connection);
    this.#noticed(detectedBy, seconds, { workerId: worker.id, jobId: assignment?.jobId });
    if (assignment !== undefined) this.#takeBack(connection, assignment, message);
  }

  /** Takes back what a living worker holds, because its last report of it could not be written down. */
  abandon(connection: Connection): void {
    const { assignment, worker } = connection;
    if (assignment === undefined) return;
    this.#release(connection, assignment);
    this.#takeBack(connection, assignment, `the report of worker ${worker.id} could not be written down`);
  }

  /** A job runs for nobody, as after a restart of this process: it waits again, and the attempt does not count. */
  async reclaim({ jobId, epoch }: Assignment, message: string): Promise<void> {
    if (this.#deps.workers.holders({ jobId, epoch }).length > 0) return;
    await this.#change(jobId, { kind: "orphaned", epoch, message });
    this.kick();
  }

  #noticed(detectedBy: FailureSign, silentSeconds: number, fields: object): void {
    this.#deps.observer.failureNoticed(detectedBy, silentSeconds);
    this.#deps.log.warn({ ...fields, detectedBy, silentSeconds }, "failure noticed");
  }

  #takeBack(connection: Connection, assignment: Assignment, message: string): void {
    const { jobId, epoch } = assignment;
    const group = this.#groups.of(connection, assignment);
    this.#inBackground(jobId, async () => {
      const lost: Verdict = { kind: "worker_lost", epoch, message };
      if (group === undefined) await this.#change(jobId, lost);
      else if (group.verdict === undefined) await this.#decide(group, lost);
      // What rank 0 had made may not be written down.
      else if (group.verdict.kind === "completed" && group.rankOf(connection) === 0)
        await this.#decide(group, lost);
      if (group !== undefined) this.#closeIfFree(group);
      this.kick();
    });
  }

  /** Ends an attempt, once: writes it down, and tells the ranks that still compute. */
  async #decide(group: Group, verdict: Verdict): Promise<void> {
    group.verdict = verdict;
    const { assignment } = group;
    for (const holder of this.#deps.workers.holders(assignment))
      if (verdict.kind !== "completed") holder.link.send({ kind: "cancel", ...assignment });
    try {
      await this.#change(assignment.jobId, verdict);
    } finally {
      this.#closeIfFree(group);
    }
    this.kick();
  }

  #closeIfFree(group: Group): void {
    if (this.#deps.workers.holders(group.assignment).length === 0) this.#groups.close(group);
  }

  /** The job after the cancel was written down; undefined when there is no such job. */
  async cancel(jobId: string, signal: AbortSignal): Promise<Job | undefined> {
    signal.throwIfAborted();
    const result = await this.#change(jobId, { kind: "cancel_asked" });
    if (result?.job.state.kind === "running") {
      const { epoch } = result.job;
      for (const holder of this.#deps.workers.holders({ jobId, epoch }))
        holder.link.send({ kind: "cancel", jobId, epoch });
    }
    return result?.job;
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  #start(start: GroupStart): void {
    const { workers } = this.#deps;
    const queued = this.queue.remove(start.jobId);
    if (queued === undefined) return;
    // Taken at once, so that the next round sees neither the job nor the workers.
    const assignment = { jobId: start.jobId, epoch: queued.nextEpoch };
    const form = formOf(start.plan);
    const members = start.workerIds.map((id) => workers.assign(id, assignment, form));
    const group = this.#groups.open(assignment, members);
    this.#inBackground(start.jobId, async () => {
      try {
        await this.#assign(group, start, queued);
      } catch (reason) {
        // The store did not take it: the job waits for the next tick.
        for (const member of members) workers.release(member, assignment);
        this.#groups.close(group);
        // The queue may have it again already: whether the write happened is not known.
        this.queue.add(queued);
        throw reason;
      }
    });
  }

  async #assign(group: Group, { plan, workerIds }: GroupStart, queued: QueuedJob): Promise<void> {
    const { workers, clock, observer, log } = this.#deps;
    const { assignment, members } = group;
    const { jobId, epoch } = assignment;
    const configs = members[0]?.worker.configs.get(queued.model);
    const parts = partsOf(plan, workerIds, queued.request, configs);
    const result = await this.#change(jobId, { kind: "assigned", epoch, workerIds, plan, parts });
    if (result === undefined || result.job === result.before) {
      // It was cancelled, removed, or given to others before it could start.
      for (const member of members) this.#release(member, assignment);
      return;
    }
    const { job } = result;
    const startStep = job.checkpoint?.step ?? 0;
    observer.jobAssigned((clock.now() - queued.queuedAt) / 1000);
    const { cfg, context } = plan;
    log.info({ jobId, workerIds, cfg, context, epoch, attempt: job.attempts, startStep }, "job assigned");
    const early = group.verdict;
    if (early !== undefined) {
      // A worker was lost while this was written, when there was no attempt to end yet.
      await this.#decide(group, early);
      for (const member of members) this.#release(member, assignment);
      return;
    }
    const peers = members.map(({ worker: { id, exchangeAddress } }) => ({ id, exchangeAddress }));
    for (const [rank, { link }] of members.entries())
      link.send({ kind: "assign", ...assignment, request: job.request, plan, rank, peers, startStep });
    // A cancel that came before the workers knew of the job must reach them too.
    const now = await this.#deps.store.get(jobId, neverAborts);
    if (now?.job.state.kind !== "running" || !now.job.state.isCancelAsked) return;
    for (const holder of workers.holders(assignment)) holder.link.send({ kind: "cancel", ...assignment });
  }

  #release(connection: Connection, assignment: Assignment): void {
    const group = this.#groups.of(connection, assignment);
    const wasHeld = this.#deps.workers.release(connection, assignment);
    if (group !== undefined) this.#closeIfFree(group);
    if (wasHeld) this.kick();
  }

  #wait({ job, order }: StoredJob): void {
    const { cfg, context } = parseParallel(job.request.parallel) ?? {};
    const isPinned = cfg !== undefined && context !== undefined;
    const minRanks = (cfg ?? 1) * (context ?? 1);
    this.queue.add({
      jobId: job.id,
      model: job.request.model,
      request: job.request,
      minRanks,
      maxRanks: isPinned ? minRanks : undefined,
      keptPlan: job.plan,
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
      this.#sweepCheckpoints(before, job);
      return { before, job };
    }
  }

  #follow(before: Job, written: StoredJob): void {
    const { job } = written;
    const { log, observer, backlog } = this.#deps;
    backlog.follow(job);
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

  /** What an older step stored is of no use any more, and nothing is once the job has ended. */
  #sweepCheckpoints(before: Job, job: Job): void {
    const { checkpoints } = this.#deps;
    const old = before.checkpoint;
    if (before.state.kind === "running" && job.state.kind !== "running") {
      // It may have been stored without a report that names it.
      const unnamed = { epoch: before.epoch, step: before.progress.step + 1 };
      this.#inBackground(job.id, () => checkpoints.delete(job.id, unnamed, neverAborts));
    }
    const isOver = isTerminal(job.state.kind);
    const kept = job.checkpoint;
    if (old !== undefined && (isOver || old !== kept))
      this.#inBackground(job.id, () => checkpoints.delete(job.id, old, neverAborts));
    if (kept !== undefined && isOver && kept !== old)
      this.#inBackground(job.id, () => checkpoints.delete(job.id, kept, neverAborts));
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

function toFleetWorker({ worker }: Connection): FleetWorker {
  return { id: worker.id, models: worker.models.map((model) => model.name), kin: kinOf(worker) };
}
