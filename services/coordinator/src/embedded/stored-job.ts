import { DEFAULT_TENANT, type Job, type JobRequest } from "../job.js";
import type { StoredJob } from "../job-store.js";

// What releases before this one did not write.
type NewInRequest = "tenant" | "deadline" | "maxRunSeconds" | "allowVaeTilingFallback";
type NewInJob = "ranMs" | "term" | "nextRanks" | "setbacks" | "tooSmall" | "isTiled" | "earlierCheckpoint";

type Recorded<T, New extends keyof T> = Omit<T, New> & Partial<Pick<T, New>>;
type RecordedJob = Omit<Recorded<Job, NewInJob>, "request"> & {
  readonly request: Recorded<JobRequest, NewInRequest>;
};

/** A job as this or an earlier release sealed it; the checksum of its record was right. */
export function asStoredJob(unsealed: unknown): StoredJob | undefined {
  if (unsealed === undefined) return undefined;
  const stored = unsealed as Omit<StoredJob, "job"> & { readonly job: RecordedJob };
  const { job } = stored;
  const request = {
    ...job.request,
    tenant: job.request.tenant ?? DEFAULT_TENANT,
    deadline: job.request.deadline,
    maxRunSeconds: job.request.maxRunSeconds,
    allowVaeTilingFallback: job.request.allowVaeTilingFallback ?? false,
  };
  const { term = 0, ranMs = { earlier: 0, current: 0 }, nextRanks, earlierCheckpoint } = job;
  const { setbacks = [], tooSmall = [], isTiled = false } = job;
  const added = { term, ranMs, nextRanks, earlierCheckpoint, setbacks, tooSmall, isTiled };
  return { ...stored, job: { ...job, request, ...added } };
}
