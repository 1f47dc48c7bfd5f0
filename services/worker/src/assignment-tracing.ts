import { type Clock, type Span, spanIdOf, type TraceContext, type Tracer } from "@cogfleet/core";
import type { Assignment, Stage } from "./assignment.js";
import type { ExchangeOp } from "./measured-group.js";

/** The assignment that is traced now. Times are those of the injected clock. */
interface Traced {
  readonly assignment: Assignment;
  readonly job: TraceContext;
  /** From monotonic to wall time, fixed: so no span ends before it starts. */
  readonly wallOffsetMs: number;
  stage: { readonly name: Stage; readonly startAt: number } | undefined;
  /** Of the denoising; 0 before it. */
  steps: number;
  /** Done, of the job. */
  step: number;
  stepStartAt: number;
  /** Exchanges told of so far: of the last step, one kind is told of twice. */
  exchanges: number;
}

/**
 * Makes spans of what a worker does for a job: its stages, their steps, and what is exchanged in a step. One assignment
 * at a time; what happens outside of one that is traced makes nothing.
 */
export class AssignmentTracing {
  readonly #tracer: Tracer;
  readonly #clock: Pick<Clock, "now" | "wallTime">;
  #traced: Traced | undefined;

  constructor(tracer: Tracer, clock: Pick<Clock, "now" | "wallTime">) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  begin(assignment: Assignment): void {
    const { trace, startStep } = assignment;
    const now = this.#clock.now();
    const wallOffsetMs = this.#clock.wallTime() - now;
    this.#traced = trace?.isSampled
      ? {
          assignment,
          job: trace,
          wallOffsetMs,
          stage: undefined,
          steps: 0,
          step: startStep,
          stepStartAt: now,
          exchanges: 0,
        }
      : undefined;
  }

  /** @param steps of the stage; 0 when it has none */
  stage(name: Stage, steps: number): void {
    const traced = this.#traced;
    if (traced === undefined) return;
    const now = this.#clock.now();
    this.#endStage(traced, now, undefined);
    traced.stage = { name, startAt: now };
    if (name === "denoise") traced.steps = steps;
    traced.stepStartAt = now;
  }

  /** Rank 0 has the state after a step. */
  stepDone(): void {
    if (this.#traced?.assignment.rank === 0) this.#endStep(this.#traced, this.#clock.now(), undefined);
  }

  /** The transformer is done with a step, which is the end of it for the ranks that are not given the state. */
  transformerRan(): void {
    const traced = this.#traced;
    if (traced !== undefined && traced.assignment.rank !== 0)
      this.#endStep(traced, this.#clock.now(), undefined);
  }

  /** For so long was an exchange under way: the span is that long, and ends now. */
  exchanged(op: ExchangeOp, seconds: number): void {
    const traced = this.#traced;
    if (traced === undefined) return;
    const endAt = this.#clock.now();
    // What follows the last step is told after it.
    const step = Math.min(traced.step + 1, traced.steps);
    traced.exchanges += 1;
    const path = ["denoise", step];
    const at = { startAt: endAt - seconds * 1000, endAt, failure: undefined };
    this.#emit(traced, {
      name: `exchange ${op}`,
      path: [...path, op, traced.exchanges],
      parent: path,
      ...at,
    });
  }

  /** The assignment is over: what is under way ends with it. */
  end(failure: string | undefined): void {
    const traced = this.#traced;
    if (traced !== undefined) this.#endStage(traced, this.#clock.now(), failure);
    this.#traced = undefined;
  }

  #endStage(traced: Traced, endAt: number, failure: string | undefined): void {
    const { stage } = traced;
    if (stage === undefined) return;
    // A step that is under way was not finished.
    if (stage.name === "denoise" && traced.step < traced.steps && failure !== undefined)
      this.#endStep(traced, endAt, failure);
    const { name, startAt } = stage;
    this.#emit(traced, { name, path: [name], parent: undefined, startAt, endAt, failure });
    traced.stage = undefined;
  }

  #endStep(traced: Traced, endAt: number, failure: string | undefined): void {
    const step = traced.step + 1;
    const at = { startAt: traced.stepStartAt, endAt, failure };
    this.#emit(traced, { name: "step", path: ["denoise", step], parent: ["denoise"], step, ...at });
    traced.step = step;
    traced.stepStartAt = endAt;
  }

  #emit(
    { assignment, job, wallOffsetMs }: Traced,
    span: {
      readonly name: string;
      /** Within this rank's part of the assignment. */
      readonly path: readonly (string | number)[];
      /** Undefined: the job. */
      readonly parent: readonly (string | number)[] | undefined;
      readonly startAt: number;
      readonly endAt: number;
      readonly step?: number;
    } & Pick<Span, "failure">,
  ): void {
    const { jobId, epoch, rank } = assignment;
    const contextOf = (path: readonly (string | number)[]): TraceContext => ({
      ...job,
      spanId: spanIdOf(jobId, epoch, rank, ...path),
    });
    this.#tracer.ended({
      name: span.name,
      context: contextOf(span.path),
      parent: span.parent === undefined ? job : contextOf(span.parent),
      startMs: span.startAt + wallOffsetMs,
      endMs: span.endAt + wallOffsetMs,
      attributes: {
        "job.id": jobId,
        epoch,
        rank,
        ...(span.step === undefined ? {} : { step: span.step }),
      },
      failure: span.failure,
    });
  }
}
