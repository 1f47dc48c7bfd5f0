import { type Logger, neverAborts } from "@cogfleet/core";
import { MAX_RANKS, parseParallel } from "@cogfleet/parallel";
import type { Artifacts } from "./artifacts.js";
import type { Background } from "./background.js";
import type { Checkpoints } from "./checkpoints.js";
import { isCurrent } from "./current-attempt.js";
import { type ComputeSeconds, type Group, GroupTable, type Leaving, type Verdict } from "./groups.js";
import type { Artifact, Checkpoint, Job } from "./job.js";
import type { JobChange, MemoryPlan } from "./job-life.js";
import type { JobStore } from "./job-store.js";
import type { JobWriter } from "./job-writer.js";
import type { FailureSign, LossSign, Observer } from "./observer.js";
import { afterOutOfMemory } from "./out-of-memory.js";
import { kinOf } from "./scheduler.js";
import type { TenantShares } from "./tenant-shares.js";
import { type Assignment, type Connection, isSame, type WorkerRegistry } from "./workers.js";

export interface AttemptsDeps {
  readonly store: JobStore;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly writer: JobWriter;
  readonly workers: WorkerRegistry;
  readonly background: Background;
  /** Told of the ranks that tenants hold. */
  readonly shares: Pick<TenantShares, "changed">;
  readonly observer: Observer;
  readonly log: Logger;
  /** Workers may have become free, or a job waits again. */
  readonly onFree: () => void;
  /** Seconds that a graph may be expected to run for in this group at most; undefined: nobody knows. */
  readonly expectedRunSeconds: (group: Group) => number | undefined;
}

/** An assignment is done: what was made, and the wall seconds of each stage. */
export interface DoneReport extends Assignment {
  readonly artifacts: readonly Artifact[];
  readonly encodeSeconds: number;
  readonly denoiseSeconds: number;
  readonly decodeSeconds: number;
}

/** The attempts that run: what their workers report of them, and how they end. */
export class Attempts {
  readonly groups: GroupTable;
  readonly #deps: AttemptsDeps;

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
    this.groups = new GroupTable(deps);
  }

  /** Lets time pass: ends the attempts that hang, whose lost rank has not spoken, or that have run for too long. */
  tick(elapsedMs: number): void {
    for (const overdue of this.groups.tick(elapsedMs)) {
      const { group } = overdue;
      const { jobId } = group.assignment;
      let verdict: Verdict;
      if (overdue.kind === "hung") {
        this.#noticed("stall", overdue.seconds, { jobId, workerId: overdue.member?.worker.id });
        verdict = this.#lost(group, overdue.message, overdue.member);
        const { member } = overdue;
        for (const one of member === undefined ? group.members : [member]) this.#deps.workers.suspect(one);
      } else {
        verdict = overdue.verdict;
        if (verdict.kind === "worker_lost") this.#noticed("peer", group.suspectedMs / 1000, { jobId });
      }
      this.#deps.background.run(jobId, () => this.end(group, verdict));
    }
  }

  /**
   * Applies a worker's report to its job. A report of a dead epoch changes nothing: false, and the worker is told to
   * stop that assignment.
   */
  async apply(connection: Connection, change: JobChange & Assignment): Promise<boolean> {
    const { jobId, epoch } = change;
    const result = await this.#deps.writer.change(jobId, change);
    if (isCurrent(result?.before, change)) return true;
    this.#deps.observer.writeFenced();
    connection.link.send({ kind: "cancel", jobId, epoch });
    return false;
  }

  /** Stores the state that rank 0 hands in after a step: see Checkpoints. */
  async putCheckpoint(
    assignment: Assignment,
    state: Pick<Checkpoint, "step" | "bytes" | "sha256">,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const put = (pieces: typeof data): Promise<void> =>
      this.#deps.checkpoints.put(assignment, state, pieces, signal);
    const group = this.groups.ofJob(assignment.jobId);
    if (group?.assignment.epoch === assignment.epoch) await group.storing((sent) => put(sent(data)));
    else await put(data);
  }

  /** Rank 0 says that a step is done, and what it stored of it. */
  async stepDone(
    connection: Connection,
    change: JobChange & Assignment & { kind: "step_done" },
  ): Promise<void> {
    const group = this.groups.of(connection, change);
    const apply = (): Promise<boolean> => this.apply(connection, { ...change, ranMs: group?.ranMs });
    if (!(await (group === undefined ? apply() : group.storing(apply)))) return;
    this.#deps.observer.stepDone(group?.size ?? 1, change.seconds);
    if (group === undefined) return;
    group.stepDone(change.step, change.seconds);
    const ratio = group.stragglerRatio;
    if (ratio !== undefined) this.#deps.observer.stragglerMeasured(ratio);
    // Its rank 0 was asked to stop at a step, and has begun another one.
    if (group.leaving !== undefined && group.stepsSinceAsked > 1 && group.verdict === undefined)
      await this.end(group, { kind: "yielded", epoch: change.epoch, ...group.leaving });
  }

  /** A rank says for how long it computed in its newest step, and for how long in the run under way; 0: there is none. */
  computed(connection: Connection, seconds: ComputeSeconds): void {
    const { assignment } = connection;
    if (assignment !== undefined) this.groups.of(connection, assignment)?.computed(connection, seconds);
  }

  /** Rank 0 begins a stage. */
  async stageStarted(
    connection: Connection,
    change: JobChange & Assignment & { kind: "stage_started" },
  ): Promise<void> {
    const group = this.groups.of(connection, change);
    if (group !== undefined) group.stage = change.stage;
    if (group !== undefined && change.stage !== "denoise") group.sinceStepMs = undefined;
    await this.apply(connection, change);
  }

  /** The worker takes nothing new. What it does with others they go on with, without it, from the next step on. */
  drain(connection: Connection): void {
    this.#deps.workers.drain(connection);
    const { assignment, worker } = connection;
    const group = assignment && this.groups.of(connection, assignment);
    // Rank 0 stops at its next step by itself.
    if (group?.canYield === true && group.rankOf(connection) > 0)
      this.askBack(group, { message: `worker ${worker.id} is shutting down` });
  }

  /** Takes a job back at its next step. */
  askBack(group: Group, leaving: Leaving): void {
    group.leaving = leaving;
    group.members[0]?.link.send({ kind: "yield", ...group.assignment });
    this.#deps.log.info({ ...group.assignment, reason: leaving.message }, "job asked back");
  }

  /** Whoever runs the machines says that this worker is about to go: its job goes on elsewhere from the next step on. */
  holdBack(connection: Connection, reason: string): void {
    this.#deps.workers.holdBack(connection, true);
    const { assignment, worker } = connection;
    const group = assignment && this.groups.of(connection, assignment);
    if (group?.canYield === true)
      this.askBack(group, { message: `worker ${worker.id} is held back: ${reason}` });
  }

  /** It stays after all. What it was asked to hand back it does, and may be given again. */
  letIn(connection: Connection): void {
    this.#deps.workers.holdBack(connection, false);
    this.#deps.onFree();
  }

  /** The worker says it is done. With rank 0 the job completes, once all that it should have made is found stored. */
  async finish(connection: Connection, report: DoneReport): Promise<void> {
    const { jobId, epoch, artifacts, decodeSeconds: seconds } = report;
    const group = this.groups.of(connection, report);
    if (group !== undefined && (group.rankOf(connection) > 0 || group.verdict !== undefined)) {
      this.#release(connection, report);
      return;
    }
    const change = { kind: "completed", jobId, epoch, artifacts, seconds } as const;
    // From here on the other ranks may go: nothing depends on them any more.
    if (group !== undefined) group.verdict = change;
    const job = await this.#running(report);
    const problems =
      job === undefined ? [] : await this.#deps.artifacts.missing(job, epoch, artifacts, neverAborts);
    if (problems.length > 0) {
      if (group !== undefined) group.verdict = undefined;
      const error = { code: "data_loss", message: problems.join("; ") };
      await this.fail(connection, { kind: "attempt_failed", jobId, epoch, error, isRetryable: true });
      return;
    }
    if (await this.apply(connection, { ...change, ranMs: group?.ranMs })) {
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
    const group = this.groups.of(connection, change);
    if (group === undefined) await this.apply(connection, change);
    else if (group.verdict === undefined && isHandedBack(group, connection, change.error.code)) {
      const { message = `worker ${connection.worker.id} is shutting down`, ranks } = group.leaving ?? {};
      await this.end(group, { kind: "yielded", epoch: change.epoch, message, ranks });
    } else if (group.verdict === undefined) {
      const suspect = change.error.code === "peer_lost" ? change.lostRank : undefined;
      const others = this.#deps.workers.holders(change).filter((holder) => holder !== connection);
      if (suspect === undefined || suspect === group.rankOf(connection) || others.length === 0) {
        const own = { ...change, another: await this.#anotherPlan(group, change.error.code) };
        await this.end(group, suspect === undefined ? own : (group.suspicion ?? own));
      } else group.suspicion ??= this.#lost(group, change.error.message, group.members[suspect]);
    }
    this.#release(connection, change);
  }

  /** A worker is gone for good: the attempt that it took part in is over. */
  lose(connection: Connection, detectedBy: LossSign, message: string): void {
    const { assignment, worker } = connection;
    this.#deps.observer.workerLost(detectedBy);
    const seconds = this.#deps.workers.silentSeconds(connection);
    this.#noticed(detectedBy, seconds, { workerId: worker.id, jobId: assignment?.jobId });
    if (assignment !== undefined) this.#takeLost(connection, assignment, message);
  }

  /** A worker has left in order, and what it was given on its way out has not reached it: somebody else gets that. */
  notTaken(connection: Connection): void {
    const { assignment, worker } = connection;
    if (assignment === undefined) return;
    const message = `worker ${worker.id} left before it took the job`;
    this.#takeBack(connection, assignment, () => ({ kind: "yielded", epoch: assignment.epoch, message }));
  }

  /**
   * Takes back what a living worker holds, because its last report of it could not be written down. Of what it holds no
   * longer such a report says nothing new.
   */
  abandon(connection: Connection, assignment: Assignment): void {
    const { worker } = connection;
    if (!isSame(connection.assignment, assignment)) return;
    this.#release(connection, assignment);
    this.#takeLost(connection, assignment, `the report of worker ${worker.id} could not be written down`);
  }

  #noticed(detectedBy: FailureSign, silentSeconds: number, fields: object): void {
    this.#deps.observer.failureNoticed(detectedBy, silentSeconds);
    this.#deps.log.warn({ ...fields, detectedBy, silentSeconds }, "failure noticed");
  }

  #takeLost(connection: Connection, assignment: Assignment, message: string): void {
    this.#takeBack(connection, assignment, (group) =>
      group === undefined
        ? { kind: "worker_lost", epoch: assignment.epoch, message }
        : this.#lost(group, message, connection),
    );
  }

  #takeBack(
    connection: Connection,
    assignment: Assignment,
    verdictOn: (group: Group | undefined) => Verdict,
  ): void {
    const { jobId } = assignment;
    const group = this.groups.of(connection, assignment);
    this.#deps.background.run(jobId, async () => {
      const verdict = verdictOn(group);
      if (group === undefined) await this.#deps.writer.change(jobId, verdict);
      else if (group.verdict === undefined) await this.end(group, verdict);
      // What rank 0 had made may not be written down.
      else if (group.verdict.kind === "completed" && group.rankOf(connection) === 0)
        await this.end(group, verdict);
      if (group !== undefined) this.#closeIfFree(group);
      this.#deps.onFree();
    });
  }

  /** The verdict on an attempt that a worker was lost with; undefined: with one of them. */
  #lost({ assignment, members, job }: Group, message: string, worker: Connection | undefined): Verdict {
    const lostIds = worker === undefined ? members.map((one) => one.worker.id) : [worker.worker.id];
    const spoilt = new Set([...job.avoidedIds, ...lostIds]);
    const isElsewherePossible = this.#able(job.model).some((one) => !spoilt.has(one.worker.id));
    return { kind: "worker_lost", epoch: assignment.epoch, message, lostIds, isElsewherePossible };
  }

  /** How a job for which memory did not suffice is tried again. */
  async #anotherPlan(group: Group, code: string): Promise<MemoryPlan | undefined> {
    if (code !== "out_of_memory") return undefined;
    const stored = await this.#deps.store.get(group.assignment.jobId, neverAborts);
    if (stored === undefined) return undefined;
    const { tooSmall, isTiled, request } = stored.job;
    const { cfg, context } = parseParallel(request.parallel) ?? {};
    const kin = group.members[0] && kinOf(group.members[0].worker);
    const mates = this.#able(request.model).filter(
      ({ worker }) => kin !== undefined && kinOf(worker) === kin,
    );
    return afterOutOfMemory({
      ranks: group.size,
      tooSmall,
      isTiled,
      isFree: cfg === undefined && context === undefined,
      mayTile: request.allowVaeTilingFallback && !request.vaeTiling,
      workers: Math.min(MAX_RANKS, mates.length),
    });
  }

  /** The job while this attempt at it runs. The record at hand may say that it still does: what is written next tells. */
  async #running(assignment: Assignment): Promise<Job | undefined> {
    const { store } = this.#deps;
    const { jobId } = assignment;
    const recalled = store.recall(jobId)?.job;
    if (isCurrent(recalled, assignment)) return recalled;
    const stored = (await store.get(jobId, neverAborts))?.job;
    return isCurrent(stored, assignment) ? stored : undefined;
  }

  #able(model: string): Connection[] {
    const all = this.#deps.workers.all();
    return all.filter(
      ({ worker, isDraining }) => !isDraining && worker.models.some(({ name }) => name === model),
    );
  }

  /** Ends an attempt, once: writes it down, and tells the ranks that still compute. */
  async end(group: Group, verdict: Verdict): Promise<void> {
    group.verdict = verdict;
    const { assignment } = group;
    if (verdict.kind !== "completed") this.stop(assignment);
    try {
      const { ranMs } = group;
      const change = verdict.kind === "deadline_passed" ? verdict : { ...verdict, ranMs };
      await this.#deps.writer.change(assignment.jobId, change);
    } finally {
      this.#closeIfFree(group);
    }
    this.#deps.onFree();
  }

  /** Tells whoever computes this attempt to stop. */
  stop(assignment: Assignment): void {
    for (const holder of this.#deps.workers.holders(assignment)) {
      const group = this.groups.of(holder, assignment);
      if (group !== undefined) group.isStopped = true;
      holder.link.send({ kind: "cancel", ...assignment });
    }
  }

  /** Lets the workers of an attempt go that was never given to them. */
  release({ members, assignment }: Group): void {
    for (const member of members) this.#release(member, assignment);
  }

  #closeIfFree(group: Group): void {
    if (this.#deps.workers.holders(group.assignment).length === 0) this.groups.close(group);
  }

  #release(connection: Connection, assignment: Assignment): void {
    const group = this.groups.of(connection, assignment);
    const wasHeld = this.#deps.workers.release(connection, assignment);
    if (group !== undefined) this.#closeIfFree(group);
    if (wasHeld) this.#deps.onFree();
  }
}

/** Whether rank 0 says that it stopped at a step, as it was asked to or because it leaves. */
function isHandedBack(group: Group, connection: Connection, code: string): boolean {
  if (group.rankOf(connection) !== 0) return false;
  const isAsked = group.leaving !== undefined && code === "cancelled";
  return isAsked || (connection.isDraining && code === "worker_lost");
}
