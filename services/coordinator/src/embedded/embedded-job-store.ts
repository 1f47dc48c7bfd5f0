import { ClusterError, neverAborts, orAbort } from "@cogfleet/core";
import { JOB_STATES, type Job, type JobEvent } from "../job.js";
import { type JobListener, JobListeners } from "../job-listeners.js";
import { type JobQuery, type JobStore, matchesQuery, type StoredJob } from "../job-store.js";
import { sealRecord } from "../record.js";
import { censusIn, putCensus } from "./census.js";
import { type Damage, readMany } from "./damage.js";
import type { Database } from "./database.js";
import type { GroupCommit, Transaction } from "./group-commit.js";
import { type IndexEntry, newestFirst } from "./job-index.js";
import { asideKey, CENSUS_KEY, eventKey, eventsAfter, idempotencyKey, jobKey, stateKey } from "./keys.js";
import { asStoredJob } from "./stored-job.js";

export interface EmbeddedJobStoreDeps {
  readonly database: Database;
  readonly commits: GroupCommit;
  readonly damage: Damage;
}

const LIST_PAGE = 64;

/**
 * Jobs in a LevelDB folder; many writers share one sync. A record that cannot be read is reported and set aside: asking
 * for that job throws `data_loss`, and all others are served.
 */
export class EmbeddedJobStore implements JobStore {
  readonly #deps: EmbeddedJobStoreDeps;
  readonly #listeners = new JobListeners();

  constructor(deps: EmbeddedJobStoreDeps) {
    this.#deps = deps;
  }

  async create(
    job: Job,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<{ isNew: boolean; stored: StoredJob }> {
    const key = holderKeyOf(job);
    const reads = [CENSUS_KEY, jobKey(job.id), ...(key === undefined ? [] : [key])];
    const add = (transaction: Transaction): { isNew: boolean; stored: StoredJob } => {
      const holder = key === undefined ? undefined : this.#holderIn(transaction, key);
      if (holder !== undefined) return { isNew: false, stored: holder };
      if (transaction.get(jobKey(job.id)) !== undefined)
        throw new ClusterError("already_exists", `job id ${job.id} is taken`);
      const census = censusIn(transaction);
      const stored = { job, order: census.lastOrder + 1, revision: 1 };
      putCensus(transaction, { ...census, lastOrder: stored.order });
      if (key !== undefined) transaction.put(key, Buffer.from(job.id));
      putJob(transaction, stored, events);
      return { isNew: true, stored };
    };
    return this.#change(job.id, reads, add, ({ isNew, stored }) => (isNew ? { stored } : undefined), signal);
  }

  async get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    const { database, damage } = this.#deps;
    const key = jobKey(jobId);
    const [record, aside] = await database.use((level) => level.getMany([key, asideKey(key)]));
    const stored = await damage.unseal(key, record);
    if (stored === undefined && (record !== undefined || aside !== undefined))
      throw new ClusterError("data_loss", `the record of job ${jobId} is damaged and was set aside`);
    return asStoredJob(stored);
  }

  /** None is kept: reading one takes a tenth of a millisecond. */
  recall(): undefined {}

  async findByIdempotencyKey(
    tenant: string,
    key: string,
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    signal.throwIfAborted();
    const { database, damage } = this.#deps;
    const holder = await database.use((level) => level.get(idempotencyKey(tenant, key)));
    if (holder === undefined) return undefined;
    const recordKey = jobKey(holder.toString());
    const record = await database.use((level) => level.get(recordKey));
    return asStoredJob(await damage.unseal(recordKey, record));
  }

  async update(
    job: Job,
    revision: number,
    events: readonly JobEvent[],
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    const replace = (transaction: Transaction): StoredJob | undefined => {
      const before = this.#jobIn(transaction, job.id);
      if (before?.revision !== revision) return undefined;
      if (before.job.state.kind !== job.state.kind) transaction.delete(entryOf(before));
      const stored = { job, order: before.order, revision: revision + 1 };
      putJob(transaction, stored, events);
      return stored;
    };
    return this.#change(job.id, [jobKey(job.id)], replace, (stored) => stored && { stored }, signal);
  }

  async events(
    jobId: string,
    afterSequence: number,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly JobEvent[]> {
    signal.throwIfAborted();
    const { database, damage } = this.#deps;
    const range = { ...eventsAfter(jobId, afterSequence), limit };
    const page = await database.use((level) => level.iterator(range).all());
    const events: JobEvent[] = [];
    for (const [key, record] of page) {
      const event = await damage.unseal(key, record);
      if (event !== undefined) events.push(event as JobEvent);
    }
    return events;
  }

  async list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]> {
    signal.throwIfAborted();
    const found: StoredJob[] = [];
    const states = query.states.length === 0 ? JOB_STATES : query.states;
    await this.#deps.database.use(async (level) => {
      const snapshot = level.snapshot();
      const index = newestFirst(level, snapshot, states, query.before);
      try {
        while (found.length < query.limit) {
          const entries: IndexEntry[] = [];
          while (entries.length < Math.max(LIST_PAGE, query.limit - found.length)) {
            const { value } = await index.next();
            if (value === undefined) break;
            entries.push(value);
          }
          if (entries.length === 0) break;
          signal.throwIfAborted();
          const keys = entries.map(({ jobId }) => jobKey(jobId));
          const records = await readMany(level, keys, snapshot);
          for (const [i, entry] of entries.entries()) {
            const stored = asStoredJob(await this.#deps.damage.unseal(jobKey(entry.jobId), records[i]));
            if (stored === undefined) await this.#dropEntry(entry);
            else if (found.length < query.limit && matchesQuery(stored, query)) found.push(stored);
          }
        }
      } finally {
        await index.return();
        await snapshot.close();
      }
    });
    return found;
  }

  async delete(jobId: string, signal: AbortSignal): Promise<void> {
    const remove = (transaction: Transaction): boolean => {
      const stored = this.#jobIn(transaction, jobId);
      if (stored === undefined) return false;
      const key = holderKeyOf(stored.job);
      if (key !== undefined && transaction.get(key)?.toString() === jobId) transaction.delete(key);
      for (let sequence = 1; sequence <= stored.job.lastSequence; sequence++)
        transaction.delete(eventKey(jobId, sequence));
      transaction.delete(jobKey(jobId));
      removeEntry(transaction, entryOf(stored));
      return true;
    };
    await this.#change(
      jobId,
      [CENSUS_KEY, jobKey(jobId)],
      remove,
      (isRemoved) => (isRemoved ? { stored: undefined } : undefined),
      signal,
    );
  }

  onChange(jobId: string, listener: () => void): () => void {
    return this.#listeners.add(jobId, listener);
  }

  onAnyChange(listener: JobListener): () => void {
    return this.#listeners.addForAll(listener);
  }

  async caughtUp(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  /** Listeners hear of what was written also when the caller has gone meanwhile. */
  async #change<T>(
    jobId: string,
    reads: readonly string[],
    decide: (transaction: Transaction) => T,
    changed: (result: T) => { readonly stored: StoredJob | undefined } | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    signal.throwIfAborted();
    const written = this.#deps.commits.run(reads, decide, signal).then((result) => {
      const change = changed(result);
      if (change !== undefined) this.#listeners.tell(jobId, change.stored);
      return result;
    });
    return orAbort(written, signal);
  }

  #jobIn(transaction: Transaction, jobId: string): StoredJob | undefined {
    return asStoredJob(this.#deps.damage.unsealIn(transaction, jobKey(jobId)));
  }

  #holderIn(transaction: Transaction, key: string): StoredJob | undefined {
    const holder = transaction.get(key);
    return holder === undefined ? undefined : this.#jobIn(transaction, holder.toString());
  }

  /** An entry whose record was set aside leads nowhere. */
  async #dropEntry({ key, jobId }: IndexEntry): Promise<void> {
    const drop = (transaction: Transaction): void => {
      const isDangling = transaction.get(jobKey(jobId)) === undefined && transaction.get(key) !== undefined;
      if (isDangling) removeEntry(transaction, key);
    };
    await this.#deps.commits.run([CENSUS_KEY, key, jobKey(jobId)], drop, neverAborts);
  }
}

function holderKeyOf({ request: { tenant, idempotencyKey: key } }: Job): string | undefined {
  return key === undefined ? undefined : idempotencyKey(tenant, key);
}

function entryOf({ job, order }: StoredJob): string {
  return stateKey(job.state.kind, order);
}

function putJob(transaction: Transaction, stored: StoredJob, events: readonly JobEvent[]): void {
  transaction.put(jobKey(stored.job.id), sealRecord(stored));
  transaction.put(entryOf(stored), Buffer.from(stored.job.id));
  for (const event of events) transaction.put(eventKey(stored.job.id, event.sequence), sealRecord(event));
}

function removeEntry(transaction: Transaction, key: string): void {
  transaction.delete(key);
  const census = censusIn(transaction);
  putCensus(transaction, { ...census, removed: census.removed + 1 });
}
