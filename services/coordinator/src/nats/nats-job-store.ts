import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import { isTerminal, type Job, type JobEvent } from "../job.js";
import { type JobListener, JobListeners } from "../job-listeners.js";
import type { JobQuery, JobStore, StoredJob } from "../job-store.js";
import type { Bucket, BucketChange } from "./bucket.js";
import type { BucketFeed } from "./bucket-feed.js";
import { type IndexedJob, JobIndex } from "./job-index.js";
import {
  decodeJob,
  encodeJob,
  type JobMessage,
  type PackedEvents,
  packEvents,
  unpackEvents,
} from "./job-message.js";
import type { NatsLink } from "./nats-link.js";

export interface NatsJobStoreDeps {
  readonly bucket: Bucket;
  readonly feed: BucketFeed;
  readonly link: NatsLink;
  /** Told of each record that cannot be read. */
  readonly onDamage: () => void;
}

/** Whoever asks is told soon that the servers are away; what a worker reports is worth waiting for. */
const ASK = { patienceMs: 3_000 };
const REPORT = { patienceMs: 10_000 };
const READERS = 32;
const MEMORIZED_HISTORIES = 1_000;

/**
 * Jobs in a bucket of NATS JetStream: `job.ID` is the record with its events, `key.HASH` the id of the job that holds an
 * idempotency key. Lists come from an index in memory that follows the bucket; all else is asked of the servers.
 */
export class NatsJobStore implements JobStore {
  readonly #deps: NatsJobStoreDeps;
  readonly #index = new JobIndex();
  readonly #listeners = new JobListeners();
  /** Of jobs that ended lately: who watched them asks for their last events. */
  readonly #histories = new Map<string, PackedEvents>();

  constructor(deps: NatsJobStoreDeps) {
    this.#deps = deps;
    deps.feed.read("job", {
      change: (jobId, change) => this.#heard(jobId, change),
      passed: (names, seen) => {
        for (const { jobId, revision } of this.#index.all())
          if (revision <= seen && !names.has(jobId)) this.#forget(jobId, revision + 1);
      },
    });
  }

  async create(
    job: Job,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<{ isNew: boolean; stored: StoredJob }> {
    const key = keyOf(job);
    const id = key === undefined ? job.id : await this.#claim(key, job.id, signal);
    const own = { ...job, id };
    const packed = packEvents(events);
    const message = encodeJob(own, undefined, packed);
    const revision = await this.#deps.bucket.write(`job.${id}`, message, 0, ASK, signal);
    if (revision !== undefined) {
      const stored = { job: own, order: revision, revision };
      this.#took({ stored, events: packed });
      return { isNew: true, stored };
    }
    const holder = key === undefined ? undefined : await this.get(id, signal);
    if (holder !== undefined) return { isNew: false, stored: holder };
    throw new ClusterError("already_exists", `job id ${id} is taken`);
  }

  async get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    return (await this.#read(jobId, signal))?.stored;
  }

  recall(jobId: string): StoredJob | undefined {
    return this.#index.get(jobId)?.stored;
  }

  async findByIdempotencyKey(
    tenant: string,
    key: string,
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    const { entry } = await this.#deps.bucket.look(keyName(tenant, key), ASK, signal);
    return entry && this.get(entry.value.toString(), signal);
  }

  async update(
    job: Job,
    revision: number,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    const history = await this.#history(job.id, revision, signal);
    const order = this.#index.get(job.id)?.order;
    if (history === undefined || order === undefined) return undefined;
    const packed = events.length === 0 ? history : packEvents([...unpackEvents(history), ...events]);
    const message = encodeJob(job, order, packed);
    const written = await this.#deps.bucket.write(`job.${job.id}`, message, revision, REPORT, signal);
    if (written === undefined) return undefined;
    const stored = { job, order, revision: written };
    this.#took({ stored, events: packed });
    return stored;
  }

  async events(
    jobId: string,
    afterSequence: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly JobEvent[]> {
    signal.throwIfAborted();
    // What is in memory is as new as what its listeners were told of.
    const known = this.#index.get(jobId)?.events ?? this.#histories.get(jobId);
    const packed = known ?? (await this.#read(jobId, signal))?.events;
    if (packed === undefined) return [];
    const events = unpackEvents(packed);
    const from = events.findIndex(({ sequence }) => sequence > afterSequence);
    return from < 0 ? [] : events.slice(from, from + limit);
  }

  async list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]> {
    signal.throwIfAborted();
    const found: StoredJob[] = [];
    for (let { before } = query; found.length < query.limit; ) {
      const entries = this.#index.first({ ...query, before, limit: query.limit - found.length });
      if (entries.length === 0) break;
      before = entries.at(-1)?.order;
      found.push(...(await this.#load(entries, signal)));
    }
    return found;
  }

  async delete(jobId: string, signal: AbortSignal): Promise<void> {
    const { bucket } = this.#deps;
    for (;;) {
      const { entry, revision } = await bucket.look(`job.${jobId}`, ASK, signal);
      if (entry === undefined) return;
      // The key first: one that leads nowhere would be taken for a submission that is under way.
      const key = keyOf(decodeJob(entry.value, revision).stored.job);
      if (key !== undefined) await this.#release(key, jobId, signal);
      if (await bucket.remove(`job.${jobId}`, revision, ASK, signal)) {
        // Which revision the removal has is heard from the feed; it is higher than the one that was removed.
        this.#forget(jobId, revision + 1);
        return;
      }
    }
  }

  onChange(jobId: string, listener: () => void): () => void {
    return this.#listeners.add(jobId, listener);
  }

  onAnyChange(listener: JobListener): () => void {
    return this.#listeners.addForAll(listener);
  }

  caughtUp(signal: AbortSignal): Promise<void> {
    return this.#deps.feed.caughtUp(signal);
  }

  /**
   * The id of the job that holds the key: ours, or that of an earlier submission. That one may have been cut off before
   * its job was stored: then whoever comes next stores its own under that id, and only one can.
   */
  async #claim(key: string, jobId: string, signal: AbortSignal): Promise<string> {
    const { bucket } = this.#deps;
    for (;;) {
      const { entry, revision } = await bucket.look(key, ASK, signal);
      if (entry !== undefined) return entry.value.toString();
      if ((await bucket.write(key, Buffer.from(jobId), revision, ASK, signal)) !== undefined) return jobId;
    }
  }

  async #release(key: string, jobId: string, signal: AbortSignal): Promise<void> {
    const { bucket } = this.#deps;
    const { entry } = await bucket.look(key, ASK, signal);
    if (entry?.value.toString() === jobId) await bucket.remove(key, entry.revision, ASK, signal);
  }

  async #read(jobId: string, signal: AbortSignal): Promise<JobMessage | undefined> {
    const { entry } = await this.#deps.bucket.look(`job.${jobId}`, ASK, signal);
    if (entry === undefined) return undefined;
    const message = this.#decode(jobId, entry.value, entry.revision);
    this.#took(message);
    return message;
  }

  /** The records of these jobs, but for those that were removed meanwhile. */
  async #load(entries: readonly IndexedJob[], signal: AbortSignal): Promise<StoredJob[]> {
    const loaded = entries.map(({ stored }) => stored);
    const missing = loaded.flatMap((stored, i) => (stored === undefined ? [i] : [])).values();
    const reader = async (): Promise<void> => {
      for (const i of missing) loaded[i] = await this.#readForList((entries[i] as IndexedJob).jobId, signal);
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    return loaded.flatMap((stored) => (stored === undefined ? [] : [stored]));
  }

  /** A damaged record must not hide the others. */
  async #readForList(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    try {
      return await this.get(jobId, signal);
    } catch (reason) {
      if (ClusterError.from(reason).code !== "data_loss") throw reason;
      return undefined;
    }
  }

  /** The events of this version of the record; undefined when it is not the newest. */
  async #history(jobId: string, revision: number, signal: AbortSignal): Promise<PackedEvents | undefined> {
    const known = this.#index.get(jobId);
    if (known?.revision === revision && known.events !== undefined) return known.events;
    const message = await this.#read(jobId, signal);
    return message?.stored.revision === revision ? message.events : undefined;
  }

  #decode(jobId: string, message: Buffer, revision: number): JobMessage {
    try {
      return decodeJob(message, revision);
    } catch (cause) {
      this.#deps.onDamage();
      this.#deps.link.log.error({ jobId, revision, err: cause }, "damaged record found");
      throw new ClusterError("data_loss", `the record of job ${jobId} is damaged`, { cause });
    }
  }

  #heard(jobId: string, { value, revision }: BucketChange): void {
    if (value === undefined) {
      this.#forget(jobId, revision);
      return;
    }
    try {
      this.#took(this.#decode(jobId, value, revision));
    } catch (reason) {
      if (ClusterError.from(reason).code !== "data_loss") throw reason;
    }
  }

  /** Takes note of a record, whichever way it came; tells the listeners when it is new. */
  #took(message: JobMessage): void {
    const { stored, events } = message;
    const { id, state } = stored.job;
    const isNew = this.#index.put(message);
    if (isTerminal(state.kind) && this.#index.get(id) !== undefined) this.#remember(id, events);
    if (isNew) this.#listeners.tell(id, stored);
  }

  #remember(jobId: string, events: PackedEvents): void {
    this.#histories.delete(jobId); // the newest stands last
    this.#histories.set(jobId, events);
    const [oldest] = this.#histories.keys();
    if (this.#histories.size > MEMORIZED_HISTORIES && oldest !== undefined) this.#histories.delete(oldest);
  }

  #forget(jobId: string, revision: number): void {
    this.#histories.delete(jobId);
    if (this.#index.remove(jobId, revision)) this.#listeners.tell(jobId, undefined);
  }
}

/** Under which a job's idempotency key is kept, if it has one. */
function keyOf({ request: { tenant, idempotencyKey } }: Job): string | undefined {
  return idempotencyKey === undefined ? undefined : keyName(tenant, idempotencyKey);
}

/** Idempotency keys may hold anything, names of a bucket's keys may not. */
function keyName(tenant: string, idempotencyKey: string): string {
  const hash = createHash("sha256").update(JSON.stringify([tenant, idempotencyKey]));
  return `key.${hash.digest("hex")}`;
}
