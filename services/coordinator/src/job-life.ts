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

/**
 * What can happen to a job after it was queued. Those with an epoch come from, or concern, one assignment; `ranMs` is for
 * how long that has run, monotonic milliseconds.
 */
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
      readonly ranMs?: number | undefined;
    }
  | {
      readonly kind: "completed";
      readonly epoch: number;
      readonly artifacts: readonly Artifact[];
      readonly seconds: number;
      readonly ranMs?: number | undefined;
    }
  | {
      readonly kind: "attempt_failed";
      readonly epoch: number;
      readonly error: JobFailure;
      readonly isRetryable: boolean;
      readonly ranMs?: number | undefined;
      /** With "out_of_memory": how it may be tried again. What was tried already is not. */
      readonly another?: MemoryPlan | undefined;
    }
  | {
      readonly kind: "worker_lost";
      readonly epoch: number;
      readonly message: string;
      /** Who was lost, as far as that is known. */
      readonly lostIds?: readonly string[] | undefined;
      /** Whether there is a worker that no attempt at this job was lost with. */
      readonly isElsewherePossible?: boolean | undefined;
      readonly ranMs?: number | undefined;
    }
  /** The coordinator took it back at a step, by no fault of job or worker. */
  | {
      readonly kind: "yielded";
      readonly epoch: number;
      readonly message: string;
      readonly ranMs?: number | undefined;
      /** That the next attempt shall have; undefined: as many, by the same plan. */
      readonly ranks?: number | undefined;
    }
  | { readonly kind: "orphaned"; readonly epoch: number; readonly message: string }
  /** The state that a waiting job was to go on from is gone, or damaged. */
  | { readonly kind: "checkpoint_lost"; readonly of: Pick<Checkpoint, "epoch" | "step"> }
  | { readonly kind: "cancel_asked" }
  /** Somebody looked at the clock. */
  | { readonly kind: "deadline_passed" }
  | { readonly kind: "run_limit_reached"; readonly epoch: number; readonly ranMs: number };

/** What a change makes of a job. No events: the change did not apply, and `job` is the very same object. */
export interface Transition {
  readonly job: Job;
  readonly events: readonly JobEvent[];
}

/** How a job is tried again for which memory did not suffice. */
export interface MemoryPlan {
  readonly ranks: number;
  /** Decoded in tiles. */
  readonly isTiled: boolean;
}

const TILED_WARNING = "decoded in tiles, for want of memory: the picture differs from an untiled one";

export interface LifePolicy {
  /**
   * Attempts in a row that end without getting farther than those before, until the job fails. When all were lost with
   * one worker and there is another, it is tried there, too: at most three times as often.
   */
  readonly maxFruitlessAttempts: number;
}

/**
 * The whole life of a job. Pure and total: a change that does not apply changes nothing, so a message that comes
 * twice, late or from a dead epoch is harmless. Its table and its invariants J1, J2, ... are in docs/spec.md.
 * @param at wall time, milliseconds
 */
export function next(job: Job, change: JobChange, at: number, policy: LifePolicy): Transition {
  const same: Transition = { job, events: [] };
  if (job.state.kind !== "queued" && job.state.kind !== "running") return same;
  if (change.kind === "deadline_passed") {
    const { deadline } = job.request;
    if (deadline === undefined || at < deadline) return same;
    const when = new Date(deadline).toISOString();
    return giveUp(job, { code: "deadline_exceeded", message: `the deadline, ${when}, passed` }, at);
  }
  if (change.kind === "checkpoint_lost") return loseCheckpoint(job, change.of, at);
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
        ranMs: { earlier: job.ranMs.earlier + job.ranMs.current, current: 0 },
        workerIds: change.workerIds,
        plan: change.plan,
        nextRanks: undefined,
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
    case "run_limit_reached": {
      const ran = hasRun(job, change.ranMs);
      if (!isOutOfTime(ran)) return same;
      return giveUp(ran, outOfTime(ran), at);
    }
    case "completed":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      if (!change.artifacts.some((artifact) => artifact.kind === "video")) return same;
      return end(
        hasRun(job, change.ranMs),
        { kind: "completed", artifacts: change.artifacts },
        at,
        change.seconds,
      );
    case "attempt_failed":
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      return failAttempt(hasRun(job, change.ranMs), change, at, policy);
    case "worker_lost": {
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      const { message, lostIds = [], isElsewherePossible = false } = change;
      const lost = { error: { code: "worker_lost", message }, lostIds, isElsewherePossible };
      return tryAgain(hasRun(job, change.ranMs), lost, at, policy);
    }
    case "yielded": {
      if (isCancelAsked) return end(job, { kind: "cancelled" }, at);
      const ran = hasRun(job, change.ranMs);
      if (isOutOfTime(ran)) return end(ran, { kind: "failed", error: outOfTime(ran) }, at);
      return waitAgain({ ...ran, nextRanks: change.ranks }, change.message, at);
    }
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
  const { ranMs } = hasRun(job, change.ranMs);
  const after = { ...job, progress: { stage: "denoise", step }, ranMs } as const;
  if (stored === undefined) return record(after, at, { seconds });
  const checkpoint = { ...stored, step, epoch: job.epoch };
  return record({ ...after, checkpoint, earlierCheckpoint: job.checkpoint }, at, { seconds });
}

function hasRun(job: Job, ranMs: number | undefined): Job {
  if (ranMs === undefined || !(ranMs > job.ranMs.current)) return job;
  return { ...job, ranMs: { ...job.ranMs, current: ranMs } };
}

function isOutOfTime({ request: { maxRunSeconds }, ranMs }: Job): boolean {
  return maxRunSeconds !== undefined && ranMs.earlier + ranMs.current >= maxRunSeconds * 1000;
}

function outOfTime({ request: { maxRunSeconds } }: Job): JobFailure {
  return {
    code: "run_time_exceeded",
    message: `it ran for longer than its max_run_seconds of ${maxRunSeconds}`,
  };
}

/** Ends for want of time; a job that was to be cancelled is. */
function giveUp(job: Job, error: JobFailure, at: number): Transition {
  const isCancelled = job.state.kind === "running" && job.state.isCancelAsked;
  return end(job, isCancelled ? { kind: "cancelled" } : { kind: "failed", error }, at);
}

function failAttempt(
  job: Job,
  change: JobChange & { kind: "attempt_failed" },
  at: number,
  policy: LifePolicy,
): Transition {
  const { error, another, isRetryable } = change;
  if (another !== undefined) return tryWithMemory(job, error, another, at, policy);
  if (!isRetryable) return end(job, { kind: "failed", error }, at);
  return tryAgain(job, { error, lostIds: [], isElsewherePossible: false }, at, policy);
}

/** Another number of ranks, or tiles: each is tried once. */
function tryWithMemory(
  job: Job,
  error: JobFailure,
  { ranks, isTiled }: MemoryPlan,
  at: number,
  policy: LifePolicy,
): Transition {
  const isNew = isTiled === job.isTiled ? !job.tooSmall.includes(ranks) : isTiled;
  if (isOutOfTime(job)) return end(job, { kind: "failed", error: outOfTime(job) }, at);
  const had = job.workerIds.length;
  const lost = { error, lostIds: [], isElsewherePossible: false };
  // It was given as many as before, for want of others: not for ever.
  if (isNew && isTiled === job.isTiled && job.tooSmall.includes(had))
    return tryAgain({ ...job, nextRanks: ranks }, lost, at, policy);
  if (!isNew || (isTiled === job.isTiled && ranks === had)) return end(job, { kind: "failed", error }, at);
  const tooSmall = isTiled === job.isTiled ? [...job.tooSmall, had] : [];
  const warnings = isTiled && !job.isTiled ? [...job.warnings, TILED_WARNING] : job.warnings;
  const way = isTiled && !job.isTiled ? "decoded in tiles" : `on ${ranks} workers instead of ${had}`;
  const changed = { ...job, nextRanks: ranks, isTiled, tooSmall, warnings };
  return waitAgain(changed, `${error.message}; it is tried ${way}`, at);
}

interface LostAttempt {
  readonly error: JobFailure;
  readonly lostIds: readonly string[];
  readonly isElsewherePossible: boolean;
}

function tryAgain(job: Job, lost: LostAttempt, at: number, policy: LifePolicy): Transition {
  if (isOutOfTime(job)) return end(job, { kind: "failed", error: outOfTime(job) }, at);
  const { error, lostIds } = lost;
  const gotFarther = job.progress.step > job.furthestStep;
  const fruitlessAttempts = gotFarther ? 0 : job.fruitlessAttempts + 1;
  const setbacks = gotFarther ? [] : [...job.setbacks, { lostIds, reason: error.message }];
  const counted = { ...job, fruitlessAttempts, setbacks };
  const { maxFruitlessAttempts: most } = policy;
  const isOneWorkers = new Set(setbacks.flatMap((setback) => setback.lostIds)).size === 1;
  const mayMove = isOneWorkers && lost.isElsewherePossible && fruitlessAttempts < 3 * most;
  if (fruitlessAttempts < most || mayMove) return waitAgain(counted, error.message, at);
  const reasons = setbacks.map(({ reason }, i) => `(${i + 1}) ${reason}`).join(" ");
  const message = `gave up after ${fruitlessAttempts} attempts in a row that got nowhere: ${reasons}`;
  return end(counted, { kind: "failed", error: { code: error.code, message } }, at);
}

/** Goes on from the state before, or from the noise. */
function loseCheckpoint(job: Job, of: Pick<Checkpoint, "epoch" | "step">, at: number): Transition {
  const { checkpoint, earlierCheckpoint } = job;
  const isIt = checkpoint?.epoch === of.epoch && checkpoint.step === of.step;
  if (job.state.kind !== "queued" || !isIt) return { job, events: [] };
  const step = earlierCheckpoint?.step ?? 0;
  const from = step === 0 ? "from the noise" : `from step ${step}`;
  const warning = `the state after step ${of.step} was damaged: it goes on ${from}`;
  return record(
    {
      ...job,
      checkpoint: earlierCheckpoint,
      earlierCheckpoint: undefined,
      progress: { stage: undefined, step },
      warnings: [...job.warnings, warning],
    },
    at,
    { message: warning },
  );
}

function waitAgain(job: Job, reason: string, at: number): Transition {
  const furthestStep = Math.max(job.furthestStep, job.progress.step);
  // However the attempt ended: one that got farther was not in vain, nor were those before it.
  const inVain = furthestStep > job.furthestStep ? { fruitlessAttempts: 0, setbacks: [] } : {};
  const progress = { stage: undefined, step: job.checkpoint?.step ?? 0 };
  return record({ ...job, ...inVain, state: { kind: "queued" }, furthestStep, progress }, at, {
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
