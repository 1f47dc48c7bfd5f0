import type { Backlog } from "./backlog.js";
import type { JobStore } from "./job-store.js";
import { unchangedJobs } from "./stored-jobs.js";

/** Ended jobs that are read at the start, newest first: what they took says how far estimates are off. */
const LEARNT_FROM = 100;

/** Brings the backlog in line with what is stored, when a write was not known to have happened. */
export async function recount(store: JobStore, backlog: Backlog, signal: AbortSignal): Promise<void> {
  const before = backlog.mark();
  const stored = await unchangedJobs(store, ["queued", "running"], signal);
  for (const { job } of stored.sort((a, b) => a.order - b.order)) backlog.follow(job);
  backlog.sweep(before, new Set(stored.map(({ job }) => job.id)));
}

/** Lets the backlog learn from the jobs that ended before this process was there. */
export async function learnFromStored(store: JobStore, backlog: Backlog, signal: AbortSignal): Promise<void> {
  const query = { states: ["completed"], labels: {}, before: undefined, limit: LEARNT_FROM } as const;
  for (const { job } of (await store.list(query, signal)).toReversed()) backlog.learn(job);
}
