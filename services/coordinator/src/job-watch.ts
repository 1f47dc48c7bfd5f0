import type { Clock } from "@cogfleet/core";
import { planSize } from "@cogfleet/parallel";
import { isTerminal, type Job } from "./job.js";
import type { JobChange } from "./job-life.js";
import type { Observer, RetryCause } from "./observer.js";

/** Tells, from the changes of jobs, what a fault costs: lost steps, the time until a job gets on, groups that change. */
export class JobWatch {
  readonly #clock: Clock;
  readonly #observer: Pick<Observer, "stepsLost" | "jobRecovered" | "groupResized">;
  /** When the attempt that they lost was given up, monotonic milliseconds. */
  readonly #recovering = new Map<string, number>();

  constructor(clock: Clock, observer: Pick<Observer, "stepsLost" | "jobRecovered" | "groupResized">) {
    this.#clock = clock;
    this.#observer = observer;
  }

  /** A change was written down. */
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
    if (isTerminal(job.state.kind)) this.#recovering.delete(job.id);
  }

  #recovered(jobId: string): void {
    const since = this.#recovering.get(jobId);
    if (since === undefined) return;
    this.#recovering.delete(jobId);
    this.#observer.jobRecovered((this.#clock.now() - since) / 1000);
  }
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
