import type { Clock } from "@cogfleet/core";
import { planSize } from "@cogfleet/parallel";
import { isTerminal, type Job } from "./job.js";
import type { JobChange } from "./job-life.js";
import type { Observer, RetryCause } from "./observer.js";

/** How long a job has run without a step being done: since its last one, or since it first ran. Waiting does not count. */
interface StepAge {
  /** Before the time that is running now. */
  readonly ms: number;
  /** Steps done. */
  readonly step: number;
  /** Since when that time runs, monotonic milliseconds; undefined while the job waits. */
  readonly since: number | undefined;
}

/** Tells, from the changes of jobs, what a fault costs: lost steps, the time until a job gets on, groups that change. */
export class JobWatch {
  readonly #clock: Clock;
  readonly #observer: Pick<Observer, "stepsLost" | "jobRecovered" | "groupResized">;
  /** When the attempt that they lost was given up, monotonic milliseconds. */
  readonly #recovering = new Map<string, number>();
  /** Of the jobs that have steps to do. */
  readonly #ages = new Map<string, StepAge>();

  constructor(clock: Clock, observer: Pick<Observer, "stepsLost" | "jobRecovered" | "groupResized">) {
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Of the running jobs that have steps to do, the longest time for which one has done none; 0 when there is no such job. */
  get stepAgeSeconds(): number {
    const now = this.#clock.now();
    const running = [...this.#ages.values()].filter(({ since }) => since !== undefined);
    return Math.max(0, ...running.map(({ ms, since = now }) => (ms + now - since) / 1000));
  }

  /** A job as somebody stored it, this process or another; undefined: it was removed. */
  seen(jobId: string, job: Job | undefined): void {
    const isOver = job === undefined || isTerminal(job.state.kind);
    if (isOver) this.#recovering.delete(jobId);
    const isDone =
      isOver || job.progress.stage === "decode" || job.progress.step >= job.request.numInferenceSteps;
    if (isDone) this.#ages.delete(jobId);
    else this.#ages.set(jobId, aged(this.#ages.get(jobId), job, this.#clock.now()));
  }

  /** A change was written down by this process. */
  changed(kind: JobChange["kind"], before: Job, job: Job): void {
    const cause = causeOf(kind);
    if (cause !== undefined && before.state.kind === "running" && job.state.kind === "queued") {
      this.#observer.stepsLost(cause, stepsLost(before, job));
      this.#recovering.set(job.id, this.#recovering.get(job.id) ?? this.#clock.now());
    }
    if (kind === "assigned" && before.plan !== undefined && job.plan !== undefined)
      if (planSize(before.plan) !== planSize(job.plan)) this.#observer.groupResized();
    if (kind === "step_done" || job.progress.stage === "decode" || job.state.kind === "completed")
      this.#recovered(job.id);
    this.seen(job.id, job);
  }

  #recovered(jobId: string): void {
    const since = this.#recovering.get(jobId);
    if (since === undefined) return;
    this.#recovering.delete(jobId);
    this.#observer.jobRecovered((this.#clock.now() - since) / 1000);
  }
}

function aged(before: StepAge | undefined, { state, progress: { step } }: Job, now: number): StepAge {
  if (state.kind === "queued") {
    const running = before?.since === undefined ? 0 : now - before.since;
    return { ms: (before?.ms ?? 0) + running, step, since: undefined };
  }
  if (before !== undefined && step > before.step) return { ms: 0, step, since: now };
  return { ms: before?.ms ?? 0, step, since: before?.since ?? now };
}

function causeOf(kind: JobChange["kind"]): RetryCause | undefined {
  switch (kind) {
    case "worker_lost":
    case "attempt_failed":
    case "orphaned":
      return kind;
    case "assigned":
    case "stage_started":
    case "step_done":
    case "completed":
    case "yielded":
    case "checkpoint_lost":
    case "deadline_passed":
    case "run_limit_reached":
    case "cancel_asked":
      return undefined;
  }
}

/** Steps that were done and are behind the checkpoint now, and the one that was under way. */
function stepsLost({ progress, request }: Job, { checkpoint }: Job): number {
  const done = progress.step - (checkpoint?.step ?? 0);
  const isUnderWay = progress.stage === "denoise" && progress.step < request.numInferenceSteps;
  return Math.max(0, done) + (isUnderWay ? 1 : 0);
}
