import type { JobStage } from "./job.js";

/** How a failure shows. */
export const FAILURE_SIGNS = ["stream", "lease", "reconnect", "peer", "stall"] as const;
export type FailureSign = (typeof FAILURE_SIGNS)[number];

/** How the loss of a worker shows. */
export const LOSS_SIGNS = ["stream", "lease", "reconnect"] as const;
export type LossSign = (typeof LOSS_SIGNS)[number];

/** Why an attempt ended before its job did, so that steps are computed again. */
export const RETRY_CAUSES = ["worker_lost", "attempt_failed", "orphaned"] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];

/** What the domain tells the metrics. Labels are closed sets, or models' names. */
export interface Observer {
  /** A worker offers this model. */
  modelOffered(model: string): void;
  jobSubmitted(model: string): void;
  submitDeduplicated(): void;
  submitRejected(reason: string): void;
  /** `reason` is "" for outcomes other than "failed". */
  jobFinished(job: { model: string; outcome: string; reason: string; seconds: number }): void;
  jobAssigned(waitedSeconds: number): void;
  /** A job took so many times what was expected of it. */
  estimateMeasured(ratio: number): void;
  stageDone(stage: JobStage, seconds: number): void;
  stepDone(degree: number, seconds: number): void;
  workerLost(detectedBy: LossSign): void;
  /** So long after the last sign of life, or of progress. */
  failureNoticed(detectedBy: FailureSign, silentSeconds: number): void;
  /** An attempt ended, and its job will compute so many steps again: those without a checkpoint, and the one under way. */
  stepsLost(cause: RetryCause, steps: number): void;
  /** A job that lost its attempt got on: a step is done, or decoding begins, so long after the loss was noticed. */
  jobRecovered(seconds: number): void;
  /** A running job was stopped, and waits again, so that one of higher priority can run. */
  jobPreempted(): void;
  /** A job was not done by its deadline. */
  deadlineMissed(): void;
  /** Of a step of several ranks: the compute time of the slowest one, divided by that of the median one. */
  stragglerMeasured(ratio: number): void;
  /** A job goes on with another number of ranks than it had. */
  groupResized(): void;
  /** The state after a step is durable. */
  checkpointStored(bytes: number, seconds: number): void;
  /** An artifact or a checkpoint could not be written, by no fault of the worker that sent it. */
  artifactWriteFailed(reason: string): void;
  /** A report that carried a dead epoch. */
  writeFenced(): void;
  /** Stored data turned out to be damaged. */
  dataDamaged(): void;
}
