import type { JobStage } from "./job.js";

/** How a failure shows. */
export type FailureSign = "stream" | "lease" | "reconnect" | "peer" | "stall";

/** What the domain tells the metrics. Labels are closed sets, or models' names. */
export interface Observer {
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
  workerLost(detectedBy: "stream" | "lease" | "reconnect"): void;
  /** So long after the last sign of life, or of progress. */
  failureNoticed(detectedBy: FailureSign, silentSeconds: number): void;
  /** A report that carried a dead epoch. */
  writeFenced(): void;
  /** Stored data turned out to be damaged. */
  dataDamaged(): void;
}
