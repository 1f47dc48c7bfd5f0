import type { Plan } from "@cogfleet/parallel";
import {
  type Artifact,
  type Checkpoint,
  eventOf,
  type Job,
  type JobEvent,
  type JobFailure,
  type JobStage,
  type RankPart,
  STAGES,
} from "./job.js";

/** What can happen to a job after it was queued. Those with an epoch come from, or concern, one assignment. */
export type JobChange =
  | {
      readonly kind: "assigned";
      readonly epoch: number;
      /** By rank. */
      readonly workerIds: readonly string[];
      readonly plan: Plan;
      readonly parts: readonly RankPart[];
    }
  | {
      readonly kind: "stage_started";
      readonly epoch: number;
      readonly stage: JobStage;
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: "step_done";
      readonly epoch: number;
      readonly step: number;
      readonly seconds: number;
      /** Of that step, if it was stored. */
      readonly checkpoint?: Pick<Checkpoint, "bytes" | "sha256"> | undefined;
    }
  | {
      readonly kind: "completed";
      readonly epoch: number;
      readonly artifacts: readonly Artifact[];
      readonly seconds: number;
    }
  | {
      readonly kind: "attempt_failed";
      readonly epoch: number;
      readonly error: JobFailure;
      readonly isRetryable: boolean;
    }
  | { readonly kind: "worker_lost"; readonly epoch: number; readonly message: string }
  | { readonly kind: "orphaned"; readonly epoch: number; readonly message: string }
  | { readonly kind: "cancel_asked" };

/** What a change makes of a job. No events: the change did not apply, and `job` is the very same object. */
export interface Transition {
  readonly job: Job;
  readonly events: readonly JobEvent[];
}

export interface LifePolicy {
  /** Attempts in a row that end without getting farther than those before, until the job fails. */
  readonly maxFruitlessAttempts: number;
}

/**
 * The whole life of a job. Pure and total: a change that does not apply changes nothing, so a message that comes
 * twice, late or from a dead epoch is harmless. Invariants, for every history (job-life.test.ts):
 *   J1  A terminal state never changes.
 *   J2  Epochs rise by one with each assignment; a change with another epoch than the job's changes nothing.
 *   J3  Events are numbered 1, 2, 3, ...; a transition that changes the job has at least one.
 *   J4  Within one epoch stage and step never go back.
 *   J5  After a cancel was asked the job never completes and is never queued again.
 *   J6  A job completes with its video, once.
 *   J7  The checkpoint never goes back, and an attempt starts at it.
 *   J8  Attempts that get nowhere are bounded: the job fails with the last reason. One that was orphaned (nobody holds
 *       it, by no fault of job or worker: the coordinator was killed, the store did not answer) does not count.
 * @param at wall time, milliseconds
 */
export function next(job: Job, change: JobChange, at: number, policy: LifePolicy): Transition {
  const same: Transition = { job, events: [] };
  if (job.state.kind !== "queued" && job.state.kind !== "running") return same;
  if (change.kind === "cancel_asked") {
    if (job.state.kind === "queued") return end(job, { kind: "cancelled" }, at);
    if (job.state.isCancelAsked) return same;
    return record({ ...job, state: { kind: "running", isCancelAsked: true } }, at, {
      message: "cancel asked",
    });
  }
  if (change.kind === "assigned") {
    if (job.state.kind !== "queued" || change.epoch !== job.epoch + 1) return same;
    return record(
      {
        ...job,
        state: { kind: "running", isCancelAsked: false },
        epoch: change.epoch,
        attempts: job.attempts + 1,
        progress: { stage: undefined, step: job.checkpoint?.step ?? 0 },
        workerIds: change.workerIds,
        plan: change.plan,
        startedAt: at,
      },
      at,
      { parts: change.parts },
    );
  }
  if (job.state.kind !== "running" || change.epoch !== job.epoch) return same;
  const { isCancelAsked } = job.state;
  switch (change.kind) {
    case "stage_started":
      return startStage(job, change, at);
    case "step_done":
      return finishStep(job, change, at);
    case "completed":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      if (!change.artifacts.some((artifact) => artifact.kind === "video")) return same;
      return end(job, { kind: "completed", artifacts: change.artifacts }, at, change.seconds);
    case "attempt_failed":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      if (!change.isRetryable) return end(job, { kind: "failed", error: change.error }, at);
      return tryAgain(job, change.error, at, policy);
    case "worker_lost":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      return tryAgain(job, { code: "worker_lost", message: change.message }, at, policy);
    case "orphaned":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      return waitAgain(job, change.message, at);
  }
}

function startStage(job: Job, change: JobChange & { kind: "stage_started" }, at: number): Transition {
  const warnings = change.warnings.filter((warning) => !job.warnings.includes(warning));
  const isForward = stageIndex(change.stage) > stageIndex(job.progress.stage);
  if (!isForward && warnings.length === 0) return { job, events: [] };
  const progress = isForward ? { ...job.progress, stage: change.stage } : job.progress;
  return record({ ...job, progress, warnings: [...job.warnings, ...warnings] }, at, {
    message: warnings.join("; "),
  });
}

function finishStep(job: Job, change: JobChange & { kind: "step_done" }, at: number): Transition {
  const isNew =
    Number.isInteger(change.step) &&
    change.step > job.progress.step &&
    change.step <= job.request.numInferenceSteps &&
    stageIndex(job.progress.stage) <= stageIndex("denoise");
  if (!isNew) return { job, events: [] };
  const { step, seconds, checkpoint: stored } = change;
  const checkpoint = stored === undefined ? job.checkpoint : { ...stored, step, epoch: job.epoch };
  return record({ ...job, progress: { stage: "denoise", step }, checkpoint }, at, { seconds });
}

function tryAgain(job: Job, error: JobFailure, at: number, policy: LifePolicy): Transition {
  const gotFarther = job.progress.step > job.furthestStep;
  const fruitlessAttempts = gotFarther ? 0 : job.fruitlessAttempts + 1;
  const counted = { ...job, fruitlessAttempts };
  if (fruitlessAttempts >= policy.maxFruitlessAttempts) {
    const message = `gave up after ${job.attempts} attempts, the last one: ${error.message}`;
    return end(counted, { kind: "failed", error: { code: error.code, message } }, at);
  }
  return waitAgain(counted, error.message, at);
}

function waitAgain(job: Job, reason: string, at: number): Transition {
  const furthestStep = Math.max(job.furthestStep, job.progress.step);
  const progress = { stage: undefined, step: job.checkpoint?.step ?? 0 };
  return record({ ...job, state: { kind: "queued" }, furthestStep, progress }, at, {
    message: `queued again: ${reason}`,
  });
}

function end(job: Job, state: Job["state"], at: number, seconds = 0): Transition {
  const message = state.kind === "failed" ? state.error.message : "";
  return record({ ...job, state, finishedAt: at }, at, { seconds, message });
}

function record(job: Job, at: number, more?: Parameters<typeof eventOf>[2]): Transition {
  const numbered = { ...job, lastSequence: job.lastSequence + 1 };
  return { job: numbered, events: [eventOf(numbered, at, more)] };
}

function stageIndex(stage: JobStage | undefined): number {
  return stage === undefined ? -1 : STAGES.indexOf(stage);
}
