import { ClusterError } from "@cogfleet/core";
import type { Job } from "./job.js";
import type { Assignment } from "./workers.js";

/** Whether this is the attempt that runs the job: what others store is not wanted. */
export function isCurrent(job: Job | undefined, { epoch }: Assignment): job is Job {
  return job?.state.kind === "running" && job.epoch === epoch;
}

/** The job, for the attempt that runs it. Throws `lease_lost` for any other; `what` is what that one stores. */
export function requireCurrent(job: Job | undefined, assignment: Assignment, what: string): Job {
  if (isCurrent(job, assignment)) return job;
  const { jobId, epoch } = assignment;
  throw new ClusterError(
    "lease_lost",
    `epoch ${epoch} of job "${jobId}" is over: its ${what} are not wanted`,
  );
}
