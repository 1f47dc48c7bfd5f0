import type { JobStage } from "./job.js";

/** What the domain tells the metrics. Labels are closed sets, or models' names. */
export interface Observer {
  jobSubmitted(model: string): void;
  submitDeduplicated(): void;
  submitRejected(reason: string): void;
  /** `reason` is "" for outcomes other than "failed". */
  jobFinished(job: { model: string; outcome: string; reason: string; seconds: number }): void;
  jobAssigned(waitedSeconds: number): void;
  stageDone(stage: JobStage, seconds: number): void;
  stepDone(degree: number, seconds: number): void;
  workerLost(detectedBy: "stream" | "lease" | "reconnect"): void;
  /** A report that carried a dead epoch. */
  writeFenced(): void;
}
