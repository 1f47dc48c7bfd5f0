import type { Plan } from "@cogfleet/parallel";
import type { JobStage } from "./job.js";
import type { JobChange } from "./job-life.js";
import type { QueuedJob } from "./queue.js";
import { StoreWaits } from "./store-waits.js";
import type { TenantShares } from "./tenant-shares.js";
import { type Assignment, type Connection, isSame } from "./workers.js";

/** The change that ends an attempt. */
export type Verdict = Extract<
  JobChange,
  {
    kind:
      | "attempt_failed"
      | "worker_lost"
      | "yielded"
      | "completed"
      | "deadline_passed"
      | "run_limit_reached";
  }
>;

/** Why a group hands its job back at its next step. */
export interface Leaving {
  readonly message: string;
  /** Workers that the job shall have from then on; undefined: by the same plan. */
  readonly ranks?: number | undefined;
}

/** What a member tells of its computing with each sign of life; 0 or undefined: there is none. */
export interface ComputeSeconds {
  /** Of its newest step. */
  readonly stepComputeSeconds?: number;
  /** Of the run under way of a graph, so far. */
  readonly runSeconds?: number;
}

/** The workers that run one attempt, until the last of them has let go of it. */
export class Group {
  readonly assignment: Assignment;
  /** As it waited. */
  readonly job: QueuedJob;
  readonly plan: Plan;
  /** By rank. */
  readonly members: readonly Connection[];
  /** Why the attempt is over, which the members that still hold it need not know yet. */
  verdict: Verdict | undefined;
  /** What a rank says of another one's end: the verdict, unless that one gives a better reason in time. */
  suspicion: Verdict | undefined;
  suspectedMs = 0;
  /** Its workers were told to stop. */
  isStopped = false;
  /** It was asked to hand its job back. */
  leaving: Leaving | undefined;
  /** Steps since then. */
  stepsSinceAsked = 0;
  stage: JobStage | undefined;
  /** A rank that took far longer than the others, and the steps that were done when that was seen first. */
  slow: { readonly rank: number; readonly steps: number } | undefined;
  /** Of the job, done. */
  step: number;
  /** Milliseconds for which it has run, and after which it must end; undefined: never. */
  ranMs = 0;
  runLimitMs: number | undefined;
  /** Milliseconds for which members have not let go, after the verdict. */
  endingMs = 0;
  /** Milliseconds since the last step, once there is one, without those for which stores held up the next; undefined outside of denoising. */
  sinceStepMs: number | undefined;
  readonly #storing = new StoreWaits();
  #steps = 0;
  #stepMs = 0;
  /** Compute time of the newest step that each has told of. */
  readonly #computeSeconds = new Map<Connection, number>();
  /** Of the run under way, as each told last. */
  readonly #runSeconds = new Map<Connection, number>();

  constructor(job: QueuedJob, plan: Plan, members: readonly Connection[]) {
    this.assignment = { jobId: job.jobId, epoch: job.nextEpoch };
    this.job = job;
    this.plan = plan;
    this.members = members;
    this.step = job.step;
  }

  get size(): number {
    return this.members.length;
  }

  /**
   * What the call of a store gives. A step is handed in once the one before is stored, and again and again while a store
   * is away: that none is done meanwhile is no rank's doing.
   */
  async storing<T>(call: Parameters<typeof StoreWaits.prototype.during<T>>[0]): Promise<T> {
    try {
      return await this.#storing.during(call);
    } finally {
      if (this.sinceStepMs !== undefined) this.sinceStepMs = 0;
    }
  }

  /** Lets time pass between two steps. */
  noStepFor(elapsedMs: number): void {
    if (this.sinceStepMs !== undefined && !this.#storing.isAny) this.sinceStepMs += elapsedMs;
  }

  /** Milliseconds of a step, averaged over this attempt; 0 before the first. */
  get stepMs(): number {
    return this.#steps === 0 ? 0 : this.#stepMs / this.#steps;
  }

  /**
   * Compute time of the slowest rank divided by that of the median one (of two: the faster); undefined until two ranks
   * have told theirs.
   */
  get stragglerRatio(): number | undefined {
    const seconds = [...this.#computeSeconds.values()].sort((a, b) => a - b);
    const median = seconds[(seconds.length - 1) >> 1];
    const slowest = seconds.at(-1);
    return seconds.length < 2 || median === undefined || slowest === undefined ? undefined : slowest / median;
  }

  /** Compute time of the newest step by rank, as far as it was told. */
  get computeSeconds(): readonly (number | undefined)[] {
    return this.members.map((member) => this.#computeSeconds.get(member));
  }

  /** The member whose run under way has lasted longest, as it told last. */
  get longestRun(): { readonly member: Connection; readonly seconds: number } | undefined {
    const runs = [...this.#runSeconds].map(([member, seconds]) => ({ member, seconds }));
    return runs.sort((a, b) => b.seconds - a.seconds)[0];
  }

  computed(connection: Connection, { stepComputeSeconds = 0, runSeconds = 0 }: ComputeSeconds): void {
    if (stepComputeSeconds > 0) this.#computeSeconds.set(connection, stepComputeSeconds);
    this.#runSeconds.set(connection, runSeconds);
  }

  rankOf(connection: Connection): number {
    return this.members.indexOf(connection);
  }

  /** Whether the job can be taken back at a step: it has some before it, and nobody did yet. */
  get canYield(): boolean {
    const isBefore = this.stage !== "decode" && this.step < this.job.request.numInferenceSteps;
    return isBefore && this.verdict === undefined && this.leaving === undefined;
  }

  /** Steps of this attempt. */
  get steps(): number {
    return this.#steps;
  }

  stepDone(step: number, seconds: number): void {
    this.step = step;
    this.stage = "denoise";
    if (this.leaving !== undefined) this.stepsSinceAsked += 1;
    this.#steps += 1;
    this.#stepMs += seconds * 1000;
    this.sinceStepMs = 0;
  }
}

export interface GroupPatience {
  /** A group without a step for this long, or for five times its usual step, hangs. */
  readonly hungMs: number;
  /**
   * A member whose graph runs for this long, and for five times as long as it should at most, hangs. An estimate is no
   * measurement, and a first run takes more: cuDNN plans for 20 s (docs/gpu.md).
   */
  readonly longRunMs: number;
  /** How long a rank that others call lost may give its own reason. */
  readonly suspicionMs: number;
  /** How long members may take to let go of an attempt that is over before its job starts without them. */
  readonly regroupMs: number;
}

export const PATIENCE: GroupPatience = {
  hungMs: 10_000,
  longRunMs: 120_000,
  suspicionMs: 1_000,
  regroupMs: 2_000,
};

/** What a look at the clock has found. */
export type Overdue =
  | { readonly kind: "over"; readonly group: Group; readonly verdict: Verdict }
  | {
      readonly kind: "hung";
      readonly group: Group;
      readonly message: string;
      /** Without a step, or of the run. */
      readonly seconds: number;
      /** Undefined: it may be any of them. */
      readonly member: Connection | undefined;
    };

type Hung = Pick<Extract<Overdue, { kind: "hung" }>, "message" | "seconds" | "member">;

export interface GroupTableDeps {
  /** Told of the ranks that tenants hold. */
  readonly shares: Pick<TenantShares, "changed">;
  /** Seconds that a graph may be expected to run for in this group at most; undefined: nobody knows. */
  readonly expectedRunSeconds: (group: Group) => number | undefined;
}

/** The groups that run, or are letting go. */
export class GroupTable {
  readonly #deps: GroupTableDeps;
  readonly #patience: GroupPatience;
  readonly #groups = new Set<Group>();

  constructor(deps: GroupTableDeps, patience: GroupPatience = PATIENCE) {
    this.#deps = deps;
    this.#patience = patience;
  }

  open(job: QueuedJob, plan: Plan, members: readonly Connection[]): Group {
    const group = new Group(job, plan, members);
    this.#groups.add(group);
    this.#deps.shares.changed(job.tenant, group.size);
    return group;
  }

  /** Forgets all of them: they are another coordinator's now. */
  clear(): void {
    for (const group of this.#groups) this.close(group);
  }

  /** The group in which this connection holds, or held, the assignment. */
  of(connection: Connection, assignment: Assignment): Group | undefined {
    for (const group of this.#groups)
      if (isSame(group.assignment, assignment) && group.rankOf(connection) >= 0) return group;
    return undefined;
  }

  all(): Iterable<Group> {
    return this.#groups;
  }

  /** The group that runs this job. */
  ofJob(jobId: string): Group | undefined {
    for (const group of this.#groups)
      if (group.assignment.jobId === jobId && group.verdict === undefined) return group;
    return undefined;
  }

  /** Forgets a group that nobody holds any more. */
  close(group: Group): void {
    if (this.#groups.delete(group)) this.#deps.shares.changed(group.job.tenant, -group.size);
  }

  /** Whether workers of an earlier attempt at this job are about to be free: it is better to wait for them. */
  isLettingGo(jobId: string): boolean {
    return [...this.#groups].some(
      (group) => group.assignment.jobId === jobId && group.verdict !== undefined && !this.#isStuck(group),
    );
  }

  /** Whether this connection holds an attempt that has long been over: who knows when it will be free. */
  isStuck(connection: Connection): boolean {
    const { assignment } = connection;
    const group = assignment && this.of(connection, assignment);
    return group !== undefined && this.#isStuck(group);
  }

  // A segment cannot be interrupted: what takes long steps takes long to let go.
  #isStuck({ verdict, endingMs, stepMs }: Group): boolean {
    return verdict !== undefined && endingMs >= Math.max(this.#patience.regroupMs, 1.5 * stepMs);
  }

  /** Lets time pass; returns the groups whose patience has run out. */
  tick(elapsedMs: number): Overdue[] {
    const { suspicionMs } = this.#patience;
    const overdue: Overdue[] = [];
    for (const group of this.#groups) {
      if (group.verdict !== undefined) {
        group.endingMs += elapsedMs;
        continue;
      }
      group.ranMs += elapsedMs;
      if (group.runLimitMs !== undefined && group.ranMs >= group.runLimitMs) {
        const { ranMs, assignment } = group;
        const verdict = { kind: "run_limit_reached", epoch: assignment.epoch, ranMs } as const;
        overdue.push({ kind: "over", group, verdict });
        continue;
      }
      if (group.suspicion !== undefined) {
        group.suspectedMs += elapsedMs;
        if (group.suspectedMs >= suspicionMs) overdue.push({ kind: "over", group, verdict: group.suspicion });
        continue;
      }
      group.noStepFor(elapsedMs);
      const hung = this.#longRun(group) ?? this.#noStep(group);
      if (hung !== undefined) overdue.push({ kind: "hung", group, ...hung });
    }
    return overdue;
  }

  /** Between two steps, by what those before took. */
  #noStep({ sinceStepMs = 0, stepMs }: Group): Hung | undefined {
    if (sinceStepMs < Math.max(this.#patience.hungMs, 5 * stepMs)) return undefined;
    const seconds = sinceStepMs / 1000;
    const message = `no step for ${seconds.toFixed(1)} s, where one takes ${(stepMs / 1000).toFixed(1)} s`;
    return { message, seconds, member: undefined };
  }

  /** In any stage, by what a graph should take. */
  #longRun(group: Group): Hung | undefined {
    const { member, seconds } = group.longestRun ?? {};
    if (member === undefined || seconds === undefined) return undefined;
    if (seconds * 1000 < this.#patience.longRunMs) return undefined;
    const expected = this.#deps.expectedRunSeconds(group);
    if (expected === undefined || seconds < 5 * expected) return undefined;
    const message = `worker ${member.worker.id} has run a graph for ${seconds.toFixed(1)} s that should take ${expected.toFixed(1)} s at most`;
    return { message, seconds, member };
  }
}
