import type { JobState } from "./job.js";
import type { JobStore, StoredJob } from "./job-store.js";

const PAGE = 500;

/** All jobs in these states that are wanted, from the newest to the oldest, read page by page. */
export async function storedJobs(
  store: Pick<JobStore, "list">,
  states: readonly JobState["kind"][],
  signal: AbortSignal,
  isWanted: (stored: StoredJob) => boolean = () => true,
): Promise<StoredJob[]> {
  const found: StoredJob[] = [];
  for (let before: number | undefined; ; ) {
    const page = await store.list({ states, labels: {}, before, limit: PAGE }, signal);
    found.push(...page.filter(isWanted));
    if (page.length < PAGE) return found;
    before = page.at(-1)?.order;
  }
}

/**
 * The same, without those that changed while they were read: an answer may come later than what the listeners were told
 * since, and whoever took note of that must not be told the older state.
 */
export async function unchangedJobs(
  store: Pick<JobStore, "list" | "onAnyChange">,
  states: readonly JobState["kind"][],
  signal: AbortSignal,
  isWanted?: (stored: StoredJob) => boolean,
): Promise<StoredJob[]> {
  const changed = new Set<string>();
  const unsubscribe = store.onAnyChange((jobId) => changed.add(jobId));
  try {
    const found = await storedJobs(store, states, signal, isWanted);
    return found.filter(({ job }) => !changed.has(job.id));
  } finally {
    unsubscribe();
  }
}
