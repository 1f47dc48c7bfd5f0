import type { JobStage } from "./job.js";

/** What a worker would lose by being taken away. */
export interface WorkerBurden {
  readonly isDraining: boolean;
  /** Of the job that it computes; undefined: idle. */
  readonly job:
    | { readonly stage: JobStage | undefined; readonly step: number; readonly steps: number }
    | undefined;
}

/**
 * Kubernetes takes the pods with the lowest cost first when a ReplicaSet shrinks: those that are going anyway, then idle
 * ones, then those whose jobs have got least far. Steps are kept by checkpoints, but a job that moves waits, loads and
 * encodes anew; of a decode nothing is kept. In tenths, so that not every step is a write; a pod that has no worker
 * with us has 0 by Kubernetes' rules.
 */
export function deletionCost({ isDraining, job }: WorkerBurden): number {
  if (isDraining) return -1000;
  if (job === undefined) return -100;
  if (job.stage === "decode") return 200;
  return 100 + 10 * Math.floor((10 * job.step) / job.steps);
}
