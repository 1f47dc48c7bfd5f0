import { type Clock, formatTraceparent, type Logger, neverAborts, type Tracer } from "@cogfleet/core";
import { parseParallel, planSize } from "@cogfleet/parallel";
import type { Artifacts } from "./artifacts.js";
import { Attempts } from "./attempts.js";
import { Background } from "./background.js";
import type { Backlog } from "./backlog.js";
import type { Checkpoints } from "./checkpoints.js";
import { Deadlines } from "./deadlines.js";
import { type Group, PATIENCE } from "./groups.js";
import { effectiveRequest, isTerminal, type Job } from "./job.js";
import type { LifePolicy } from "./job-life.js";
import type { JobStore, StoredJob } from "./job-store.js";
import { traceContextOf } from "./job-trace.js";
import { JobWriter } from "./job-writer.js";
import type { Leadership } from "./leadership.js";
import type { LinkTable } from "./links.js";
import type { Observer } from "./observer.js";
import { expectOn, formOf, leastRanks, partsOf, planAnew, planGroup } from "./planning.js";
import { JobQueue, type QueuedJob } from "./queue.js";
import { Regrouping, type RegroupingDeps } from "./regrouping.js";
import { type FleetWorker, type GroupStart, kinOf, schedule } from "./scheduler.js";
import { TenantShares } from "./tenant-shares.js";
import type { Assignment, Connection, WorkerRegistry } from "./workers.js";

export interface DispatcherDeps {
  readonly store: JobStore;
  readonly leadership: Pick<Leadership, "term">;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly workers: WorkerRegistry;
  readonly links: LinkTable;
  readonly backlog: Pick<Backlog, "follow" | "forget">;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Logger;
  /** Undefined: jobs are not traced. */
  readonly tracer?: Tracer | undefined;
}

export interface DispatcherPolicy extends LifePolicy {
  /** That the jobs of one tenant may run on at a time; 0: no limit. */
  readonly maxTenantRanks: number;
}

/** Brings waiting jobs and idle workers together. */
export class Dispatcher {
  readonly queue = new JobQueue();
  /** What runs. */
  readonly attempts: Attempts;
  readonly #deps: DispatcherDeps;
  readonly #writer: JobWriter;
  readonly #background: Background;
  readonly #deadlines = new Deadlines();
  readonly #shares: TenantShares;
  readonly #regrouping: Regrouping;
  readonly #maxTenantRanks: number;
  /** Until then jobs wait for all the workers that held them before this process led. */
  #returnBy = Number.NEGATIVE_INFINITY;

  constructor(deps: DispatcherDeps, policy: DispatcherPolicy) {
    this.#deps = deps;
    this.#shares = new TenantShares(deps.clock);
    this.#maxTenantRanks = policy.maxTenantRanks === 0 ? Number.POSITIVE_INFINITY : policy.maxTenantRanks;
    this.#background = new Background(deps);
    const shared = { ...deps, background: this.#background, shares: this.#shares };
    const onWaiting = (stored: StoredJob): void => this.#wait(stored);
    const onNotWaiting = (jobId: string): void => {
      this.queue.remove(jobId);
    };
    this.#writer = new JobWriter({ ...shared, onWaiting, onNotWaiting }, policy);
    this.attempts = new Attempts({
      ...shared,
      writer: this.#writer,
      onFree: () => this.kick(),
      expectedRunSeconds: (group) => expectedRunSeconds(group, deps.links),
    });
    const { queue, attempts } = this;
    const startsWithout: RegroupingDeps["startsWithout"] = (...args) => this.#startsWithout(...args);
    this.#regrouping = new Regrouping({ ...deps, queue, attempts, startsWithout });
  }

  /** Of the running jobs that have steps to do, the longest time for which one has done none. */
  get stepAgeSeconds(): number {
    return this.#writer.watch.stepAgeSeconds;
  }

  /**
   * Takes note of a job as somebody stored it, this process or another; undefined: it was removed. What is told twice,
   * or late, changes nothing.
   */
  observe(jobId: string, stored: StoredJob | undefined): void {
    const { backlog } = this.#deps;
    this.#writer.watch.seen(jobId, stored?.job);
    if (stored === undefined) {
      backlog.forget(jobId);
      this.queue.remove(jobId);
      this.#deadlines.remove(jobId);
      return;
    }
    const { id, epoch, state } = stored.job;
    backlog.follow(stored.job);
    const waiting = this.queue.remove(id);
    if (isTerminal(state.kind)) this.#deadlines.remove(id);
    if (state.kind === "queued") {
      this.#wait(stored, waiting);
      this.kick();
    } else if (state.kind === "running" && state.isCancelAsked) this.attempts.stop({ jobId: id, epoch });
  }

  /** Starts what can start. Cheap: called after everything that may free a worker or add a job. */
  kick(): void {
    const { workers } = this.#deps;
    const { groups } = this.attempts;
    const idle = workers.idle();
    if (idle.length === 0 || this.queue.size === 0) return;
    const all = workers
      .all()
      .filter((one) => !one.isDraining && one.suspectMs === undefined && !groups.isStuck(one));
    const starts = schedule(this.queue, idle.map(toFleetWorker), all.map(toFleetWorker), {
      planFor: (job, workerIds) => {
        const chosen = workerIds.flatMap((id) => idle.filter(({ worker }) => worker.id === id));
        const { links } = this.#deps;
        const choice = parseParallel(job.request.parallel) ?? {};
        return job.wantedRanks === undefined
          ? planGroup(job.request, choice, job.keptPlan, chosen, links)
          : planAnew(job.request, choice, job.wantedRanks, chosen, links);
      },
      isGathering: (jobId) =>
        groups.isLettingGo(jobId) || this.#isReturning(jobId) || this.#isClearing(jobId),
      shareOf: (tenant) => this.#shares.shareOf(tenant),
      ranksLeft: (tenant) => this.#ranksLeft(tenant),
    });
    for (const start of starts) this.#start(start);
  }

  /**
   * This process leads from now on, and workers dial it one after the other: for so long a job that several of them held
   * waits for all of these, so that it keeps its plan.
   */
  expectReturn(graceMs: number): void {
    this.#returnBy = this.#deps.clock.now() + graceMs;
  }

  /** Lets time pass. */
  tick(elapsedMs: number): void {
    this.attempts.tick(elapsedMs);
    if (this.#deps.leadership.term === undefined) return;
    for (const jobId of this.#deadlines.due(this.#deps.clock.wallTime())) this.#passDeadline(jobId);
    this.kick();
    this.#regrouping.tick(elapsedMs);
  }

  /** A job runs for nobody, as after a restart of this process: it waits again, and the attempt does not count. */
  async reclaim({ jobId, epoch }: Assignment, message: string): Promise<void> {
    if (this.#deps.workers.holders({ jobId, epoch }).length > 0) return;
    await this.#writer.change(jobId, { kind: "orphaned", epoch, message });
    this.kick();
  }

  /** The job after the cancel was written down; undefined when there is no such job. */
  async cancel(jobId: string, signal: AbortSignal): Promise<Job | undefined> {
    signal.throwIfAborted();
    const result = await this.#writer.change(jobId, { kind: "cancel_asked" });
    return result?.job;
  }

  /** Resolves when nothing is being written any more. */
  settled(): Promise<void> {
    return this.#background.settled();
  }

  #passDeadline(jobId: string): void {
    const verdict = { kind: "deadline_passed" } as const;
    const group = this.attempts.groups.ofJob(jobId);
    this.#background.run(jobId, async () => {
      if (group !== undefined) await this.attempts.end(group, verdict);
      else await this.#writer.change(jobId, verdict);
    });
  }

  #startsWithout(group: Group, wantedRanks: number | undefined): QueuedJob[] {
    const { workers } = this.#deps;
    const { plan, members } = group;
    const job = { ...group.job, keptPlan: plan, wantedRanks };
    const given = new Set(members.map(({ worker }) => worker.id));
    const idle = [...members, ...workers.idle()].map(toFleetWorker);
    const fleet = workers.all().filter((one) => !one.isDraining);
    const ofIts = (tenant: string): number => (tenant === job.tenant ? group.size : 0);
    const planFor = (_job: QueuedJob, workerIds: readonly string[]) => ({ plan, workerIds });
    this.queue.add(job);
    const starts = schedule(this.queue, idle, fleet.map(toFleetWorker), {
      planFor,
      isGathering: () => false,
      shareOf: (tenant) => this.#shares.shareOf(tenant) - ofIts(tenant),
      ranksLeft: (tenant) => this.#ranksLeft(tenant) + ofIts(tenant),
    });
    const onIts = starts.filter(({ workerIds }) => workerIds.some((id) => given.has(id)));
    const jobs = onIts.flatMap(({ jobId }) => this.queue.get(jobId) ?? []);
    this.queue.remove(job.jobId);
    return jobs;
  }

  #isReturning(jobId: string): boolean {
    const { clock, workers } = this.#deps;
    if (clock.now() >= this.#returnBy) return false;
    const job = this.queue.get(jobId);
    if (job?.keptPlan === undefined || planSize(job.keptPlan) === 1) return false;
    const here = new Set(workers.all().map(({ worker }) => worker.id));
    return job.lastWorkerIds.some((id) => !here.has(id));
  }

  /** Whether workers that the job hung on are about to say that they are free, as most do. */
  #isClearing(jobId: string): boolean {
    const workerIds = this.queue.get(jobId)?.lastWorkerIds ?? [];
    return this.#deps.workers
      .all()
      .some(
        ({ worker, suspectMs }) =>
          suspectMs !== undefined && suspectMs < PATIENCE.regroupMs && workerIds.includes(worker.id),
      );
  }

  #ranksLeft(tenant: string): number {
    return this.#maxTenantRanks - this.#shares.ranksOf(tenant);
  }

  #start(start: GroupStart): void {
    const { workers, leadership } = this.#deps;
    const queued = this.queue.remove(start.jobId);
    if (queued === undefined) return;
    // Taken at once, so that the next round sees neither the job nor the workers.
    const assignment = { jobId: start.jobId, epoch: queued.nextEpoch };
    const { tenant } = queued;
    const form = formOf(start.plan);
    const members = start.workerIds.map((id) => workers.assign(id, assignment, { tenant, form }));
    const { groups } = this.attempts;
    const group = groups.open(queued, start.plan, members);
    this.#background.run(start.jobId, async () => {
      try {
        await this.#assign(group, start, queued);
      } catch (reason) {
        // The store did not take it: the job waits for the next tick.
        for (const member of members) workers.release(member, assignment);
        groups.close(group);
        // The queue may have it again already: whether the write happened is not known. Once another one leads, the
        // queue follows the store, which may have told of the job's end before this call failed.
        if (leadership.term !== undefined) this.queue.add(queued);
        throw reason;
      }
    });
  }

  async #assign(group: Group, { plan, workerIds }: GroupStart, queued: QueuedJob): Promise<void> {
    const { clock, observer, log } = this.#deps;
    const { assignment, members } = group;
    const { jobId, epoch } = assignment;
    const configs = members[0]?.worker.configs.get(queued.model);
    const parts = partsOf(plan, workerIds, queued.request, configs);
    if (queued.step > 0) await this.#checkCheckpoint(jobId);
    const result = await this.#writer.change(jobId, { kind: "assigned", epoch, workerIds, plan, parts });
    if (result === undefined || result.job === result.before) {
      // It was cancelled, removed, or given to others before it could start.
      this.attempts.release(group);
      return;
    }
    const { job } = result;
    const { maxRunSeconds } = job.request;
    if (maxRunSeconds !== undefined) group.runLimitMs = maxRunSeconds * 1000 - job.ranMs.earlier;
    const startStep = job.checkpoint?.step ?? 0;
    observer.jobAssigned((clock.now() - queued.queuedAt) / 1000);
    const { cfg, context } = plan;
    log.info({ jobId, workerIds, cfg, context, epoch, attempt: job.attempts, startStep }, "job assigned");
    const early = group.verdict;
    if (early !== undefined) {
      // A worker was lost while this was written, when there was no attempt to end yet.
      await this.attempts.end(group, early);
      this.attempts.release(group);
      return;
    }
    const peers = members.map(({ worker: { id, exchangeAddress } }) => ({ id, exchangeAddress }));
    const request = effectiveRequest(job);
    const traceparent = this.#deps.tracer && formatTraceparent(traceContextOf(job));
    for (const [rank, { link }] of members.entries())
      link.send({ kind: "assign", ...assignment, request, plan, rank, peers, startStep, traceparent });
    // A cancel that came before the workers knew of the job must reach them too.
    if (group.isStopped) this.attempts.stop(assignment);
  }

  /** What an attempt goes on from is read first: a state that is damaged or gone gives way to the one before. */
  async #checkCheckpoint(jobId: string): Promise<void> {
    const { store, checkpoints, observer, log } = this.#deps;
    for (;;) {
      const checkpoint = (await store.get(jobId, neverAborts))?.job.checkpoint;
      if (checkpoint === undefined || (await checkpoints.isWhole(jobId, checkpoint, neverAborts))) return;
      log.warn({ jobId, step: checkpoint.step, epoch: checkpoint.epoch }, "checkpoint is damaged");
      observer.dataDamaged();
      const result = await this.#writer.change(jobId, { kind: "checkpoint_lost", of: checkpoint });
      if (result === undefined || result.job === result.before) return;
    }
  }

  /**
   * Puts it into the queue, once: the store may tell of a job before, and after, the write that lets it wait is answered.
   * @param waiting its place in the queue until now
   */
  #wait({ job, order }: StoredJob, waiting?: QueuedJob): void {
    const nextEpoch = job.epoch + 1;
    // One that is just being given away has left the queue, and is not yet running in the store.
    if (this.#deps.workers.holders({ jobId: job.id, epoch: nextEpoch }).length > 0) return;
    if (waiting?.nextEpoch === nextEpoch) {
      this.queue.add(waiting);
      return;
    }
    if (job.request.deadline !== undefined) this.#deadlines.add(job.id, job.request.deadline);
    const { tenant } = job.request;
    if (this.queue.sizeOfTenant(tenant) === 0) this.#shares.arrived(tenant);
    const { cfg, context } = parseParallel(job.request.parallel) ?? {};
    const isPinned = cfg !== undefined && context !== undefined;
    const minRanks = leastRanks(job.request.parallel);
    this.queue.add({
      jobId: job.id,
      tenant,
      model: job.request.model,
      request: effectiveRequest(job),
      minRanks,
      maxRanks: isPinned ? minRanks : undefined,
      keptPlan: job.plan,
      wantedRanks: job.nextRanks,
      step: job.checkpoint?.step ?? 0,
      priority: job.request.priority,
      order,
      createdAt: job.createdAt,
      nextEpoch,
      queuedAt: this.#deps.clock.now(),
      lastWorkerIds: job.workerIds,
      avoidedIds: job.setbacks.flatMap(({ lostIds }) => lostIds),
    });
  }
}

/** Of the longest run there could be, which is a whole step or all of the VAE; as much longer as steps were seen to be. */
function expectedRunSeconds({ job, members, stepMs }: Group, links: LinkTable): number | undefined {
  const choice = parseParallel(job.request.parallel) ?? {};
  const expected = expectOn(job.request, choice, members, links);
  if (expected === undefined) return undefined;
  const stepSeconds = expected.denoiseSeconds / job.request.numInferenceSteps;
  const error = Math.max(1, stepMs / 1000 / stepSeconds);
  return error * Math.max(stepSeconds, expected.otherSeconds);
}

function toFleetWorker({ worker, slowness }: Connection): FleetWorker {
  const models = worker.models.map((model) => model.name);
  return { id: worker.id, models, kin: kinOf(worker), isSlow: slowness > 1 };
}
