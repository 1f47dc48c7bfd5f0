import type { Job, JobEvent, JobState } from "./job.js";
import type { JobListener } from "./job-listeners.js";

/** A job as the store holds it. */
export interface StoredJob {
  readonly job: Job;
  /** Place in the order of submission: rises with each job, never used twice. */
  readonly order: number;
  /** Names this version of the record; an update must name the one it was made from. */
  readonly revision: number;
}

export interface JobQuery {
  /** In one of these states; empty: any. */
  readonly states: readonly JobState["kind"][];
  /** With all of these labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of this tenant; left out: of any. */
  readonly tenant?: string | undefined;
  /** Submitted before this place in the order; undefined: the newest. */
  readonly before: number | undefined;
  /** At most this many, at least 1. */
  readonly limit: number;
}

/**
 * Where jobs and their histories live. What a promise acknowledged is durable as far as the adapter can make it, and
 * seen by every later call. job-store-suite.ts says the rest, for every adapter.
 * Every call may throw `unavailable` when the store cannot be reached, and the signal's reason when it aborts first:
 * the change may then have happened or not.
 */
export interface JobStore {
  /**
   * Adds a job with its first events. When another job of its tenant holds the same idempotency key, adds nothing and
   * returns that one. Throws `already_exists` when the id is taken. The id may come out another one than was given: that
   * of an earlier try with the same key, which was cut off halfway.
   */
  create(
    job: Job,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<{ readonly isNew: boolean; readonly stored: StoredJob }>;

  get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined>;

  /**
   * A version of the record that this process has at hand, without asking: it may be an older one, or of a job that is
   * gone. Undefined: there is none at hand, which says nothing. For what `update` then checks.
   */
  recall(jobId: string): StoredJob | undefined;

  findByIdempotencyKey(tenant: string, key: string, signal: AbortSignal): Promise<StoredJob | undefined>;

  /**
   * Compare and set: replaces the record and appends its new events, both or neither. Undefined when `revision` is not
   * the newest, or the job is gone: read again and decide again.
   */
  update(
    job: Job,
    revision: number,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<StoredJob | undefined>;

  /** Events with a sequence above `afterSequence`, in order, at most `limit`. */
  events(
    jobId: string,
    afterSequence: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly JobEvent[]>;

  /** Newest first. */
  list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]>;

  /** Removes the job, its events and its idempotency key. Removing what is not there is fine. */
  delete(jobId: string, signal: AbortSignal): Promise<void>;

  /** Calls `listener` after each change of this job, whoever made it; returns what stops that. May call too often. */
  onChange(jobId: string, listener: () => void): () => void;

  /**
   * Calls `listener` after each change of any job, whoever made it, before the change is acknowledged to a caller in
   * this process; returns what stops that. Of one job it never tells an older record after a newer one, but some it may
   * leave out: what counts is the last.
   */
  onAnyChange(listener: JobListener): () => void;

  /** Resolves once what this store lists and tells includes all that was acknowledged anywhere before the call. */
  caughtUp(signal: AbortSignal): Promise<void>;
}

/** Whether a job is one that the query asks for; its limit aside. */
export function matchesQuery({ job, order }: StoredJob, query: JobQuery): boolean {
  return (
    (query.before === undefined || order < query.before) &&
    (query.states.length === 0 || query.states.includes(job.state.kind)) &&
    (query.tenant === undefined || query.tenant === job.request.tenant) &&
    Object.entries(query.labels).every(([name, value]) => job.request.labels[name] === value)
  );
}
