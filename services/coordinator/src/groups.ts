import type { Plan } from "@cogfleet/parallel";
import type { JobStage } from "./job.js";
import type { JobChange } from "./job-life.js";
import type { QueuedJob } from "./queue.js";
import type { TenantShares } from "./tenant-shares.js";
import type { Assignment, Connection } from "./workers.js";

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
  /** Milliseconds since the last step, once there is one; undefined outside of denoising. */
  sinceStepMs: number | undefined;
  #steps = 0;
  #stepMs = 0;
  /** Compute time of the newest step that each has told of. */
  readonly #computeSeconds = new Map<Connection, number>();

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

  computed(connection: Connection, seconds: number): void {
    if (seconds > 0) this.#computeSeconds.set(connection, seconds);
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
  /** How long a rank that others call lost may give its own reason. */
  readonly suspicionMs: number;
  /** How long members may take to let go of an attempt that is over before its job starts without them. */
  readonly regroupMs: number;
}

export const PATIENCE: GroupPatience = { hungMs: 10_000, suspicionMs: 1_000, regroupMs: 2_000 };

/** What a look at the clock has found. */
export interface Overdue {
  readonly group: Group;
  readonly verdict: Verdict;
  readonly isHung: boolean;
}

/** The groups that run, or are letting go. */
export class GroupTable {
  readonly #shares: Pick<TenantShares, "changed">;
  readonly #patience: GroupPatience;
  readonly #groups = new Set<Group>();

  /** @param shares told of the ranks that tenants hold */
  constructor(shares: Pick<TenantShares, "changed">, patience: GroupPatience = PATIENCE) {
    this.#shares = shares;
    this.#patience = patience;
  }

  open(job: QueuedJob, plan: Plan, members: readonly Connection[]): Group {
    const group = new Group(job, plan, members);
    this.#groups.add(group);
    this.#shares.changed(job.tenant, group.size);
    return group;
  }

  /** Forgets all of them: they are another coordinator's now. */
  clear(): void {
    this.#groups.clear();
  }

  /** The group in which this connection holds, or held, the assignment. */
  of(connection: Connection, { jobId, epoch }: Assignment): Group | undefined {
    for (const group of this.#groups) {
      const { assignment } = group;
      if (assignment.jobId === jobId && assignment.epoch === epoch && group.rankOf(connection) >= 0)
        return group;
    }
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
    if (this.#groups.delete(group)) this.#shares.changed(group.job.tenant, -group.size);
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
    const { hungMs, suspicionMs } = this.#patience;
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
        overdue.push({ group, verdict, isHung: false });
        continue;
      }
      if (group.suspicion !== undefined) {
        group.suspectedMs += elapsedMs;
        if (group.suspectedMs >= suspicionMs)
          overdue.push({ group, verdict: group.suspicion, isHung: false });
        continue;
      }
      if (group.sinceStepMs === undefined) continue;
      group.sinceStepMs += elapsedMs;
      if (group.sinceStepMs < Math.max(hungMs, 5 * group.stepMs)) continue;
      const seconds = (ms: number): string => (ms / 1000).toFixed(1);
      const message = `no step for ${seconds(group.sinceStepMs)} s, where one takes ${seconds(group.stepMs)} s`;
      const { epoch } = group.assignment;
      overdue.push({ group, verdict: { kind: "worker_lost", epoch, message }, isHung: true });
    }
    return overdue;
  }
}
