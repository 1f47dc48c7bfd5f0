import type {
  Job,
  JobEvent,
  JobListener,
  JobQuery,
  JobStore,
  SharedStores,
  StoredJob,
  Stores,
} from "@cogfleet/coordinator/testing/domain.js";
import { ClusterError, neverAborts, orAbort } from "@cogfleet/core";
import type { Dice } from "./dice.js";
import type { Disk } from "./disk.js";
import type { History } from "./history.js";
import { SimBlobStore } from "./sim-blob-store.js";
import { never, type SimProcess } from "./sim-process.js";

/** How a store behaves for a while. */
export type StoreMood = "well" | "down" | "slow" | "full" | "mute";

/** What a store asks of the faults. */
export interface StorePerils {
  /** The process comes by a named point, and may end there. */
  reach(process: SimProcess, point: string): void;
  /** How the store is now. Mute: what is asked happens, and the answer is lost. */
  mood(): StoreMood;
}

export interface SimStoreDeps {
  readonly process: SimProcess;
  readonly disk: Disk;
  readonly dice: Dice;
  readonly perils: StorePerils;
  readonly history: History;
  /** The way to a store that several processes share; undefined: the disk is their own machine's. */
  readonly way: Way | undefined;
  /** Every call takes so many times as long as on a good disk. */
  readonly slowness: number;
}

/** What lies between a process and a store on another host. */
export interface Way {
  blockedMs(from: string, to: string): number;
  delayMs(): number;
}

/** Where a shared store is. */
export const STORE_HOST = "store";

const SLOW = 200;
/** Versions of a job that a process may have at hand. */
const KEPT = 3;
/** After which a call to a shared store is given up. */
const ANSWER_MS = 5_000;

/** The stores of one process on a disk that outlives it. */
export function simStores(deps: SimStoreDeps): Omit<Stores, "close"> {
  const access = new Access(deps);
  const { disk } = deps;
  const shared: SharedStores = {
    lease: {
      read: (signal) => access.read(() => disk.lease.read(neverAborts), signal),
      write: (record, revision, signal) =>
        orAbort(
          access.write("lease.write", () => disk.lease.write(record, revision, neverAborts)),
          signal,
        ),
    },
    board: {
      show: (workers, signal) =>
        access.read(() => {
          disk.board = workers;
        }, signal),
      workers: () => disk.board,
    },
  };
  return {
    shared: deps.way === undefined ? undefined : shared,
    jobs: new SimJobStore(deps, access),
    blobs: new SimBlobStore(deps, access),
    models: {
      all: (signal) => access.read(() => [...disk.models.values()], signal),
      put: (model, signal) =>
        orAbort(
          access.write("models.put", () => void disk.models.set(model.name, model)),
          signal,
        ),
    },
  };
}

/** How calls reach a disk: they take time, fail as the faults want, and end with their process. */
export class Access {
  readonly #deps: SimStoreDeps;

  constructor(deps: SimStoreDeps) {
    this.#deps = deps;
  }

  async read<T>(look: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    await orAbort(this.#read(), signal);
    const found = await look();
    await orAbort(this.#cross("back"), signal);
    return found;
  }

  async #read(): Promise<void> {
    await this.#cross("there");
    await this.#pass(0.05, 0.4);
    if (this.#deps.perils.mood() === "down") throw storeIsDown();
  }

  /** A message to a shared store, or from it. */
  async #cross(direction: "there" | "back"): Promise<void> {
    const { way, process } = this.#deps;
    if (way === undefined) return;
    const [from, to] = direction === "there" ? [process.host, STORE_HOST] : [STORE_HOST, process.host];
    const blockedMs = way.blockedMs(from, to);
    await process.pass(Math.min(blockedMs, ANSWER_MS) + way.delayMs());
    if (blockedMs > ANSWER_MS) throw storeIsDown();
  }

  /** At "before" nothing is written, at "after" all is and the caller does not know it yet. */
  async write<T>(point: string, act: () => T | Promise<T>): Promise<T> {
    const { perils, process, disk } = this.#deps;
    await this.at(`${point} before`);
    await this.#cross("there");
    await this.#pass(0.05, 0.5);
    const mood = perils.mood();
    if (mood === "down") throw storeIsDown();
    if (mood === "full") throw new ClusterError("resource_exhausted", "the disk of the store is full");
    const sync = disk.write(process.name, act);
    await this.#pass(0.2, 2);
    const result = await sync();
    await this.#cross("back");
    await this.at(`${point} after`);
    if (perils.mood() !== "mute") return result;
    await process.pass(1_000);
    throw storeIsDown();
  }

  /** A named point; never settles when the process ends there. */
  async at(point: string): Promise<void> {
    const { perils, process } = this.#deps;
    perils.reach(process, point);
    if (!process.isAlive) await never();
  }

  #pass(from: number, to: number): Promise<void> {
    const { process, dice, perils, slowness } = this.#deps;
    return process.pass(dice.between(from, to) * Math.max(slowness, perils.mood() === "slow" ? SLOW : 1));
  }
}

function storeIsDown(): ClusterError {
  return new ClusterError("unavailable", "the store does not answer");
}

class SimJobStore implements JobStore {
  readonly #deps: SimStoreDeps;
  readonly #access: Access;
  /** One write at a time reaches the disk, as with a log. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<JobListener>();
  /** Of other processes, on their way. */
  readonly #news = new Map<string, StoredJob | undefined>();
  /** What this process wrote, read or heard of, newest last. */
  readonly #known = new Map<string, readonly StoredJob[]>();
  readonly #recallDice: Dice;
  #isOwn = false;

  constructor(deps: SimStoreDeps, access: Access) {
    this.#deps = deps;
    this.#access = access;
    this.#recallDice = deps.dice.of("recall");
  }

  create(job: Job, events: readonly JobEvent[], signal: AbortSignal) {
    return this.#inTurn("jobs.create", signal, async () => {
      const result = await this.#own(job.id, () => this.#image.create(job, events, neverAborts));
      this.#know(result.stored);
      if (result.isNew) this.#tell(job, events);
      return result;
    });
  }

  async update(job: Job, revision: number, events: readonly JobEvent[], signal: AbortSignal) {
    return this.#inTurn(`jobs.update ${turnOf(job, events)}`, signal, async () => {
      const stored = await this.#own(job.id, () => this.#image.update(job, revision, events, neverAborts));
      this.#know(stored);
      if (stored !== undefined) this.#tell(job, events);
      return stored;
    });
  }

  delete(jobId: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn("jobs.delete", signal, async () => {
      await this.#own(jobId, () => this.#image.delete(jobId, neverAborts));
      this.#deps.history.tell({ kind: "deleted", process: this.#deps.process.name, jobId });
    });
  }

  async get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    const stored = await this.#access.read(() => this.#image.get(jobId, signal), signal);
    this.#know(stored);
    return stored;
  }

  /** Now and then nothing, and now and then what was true once, also of a job that is gone. */
  recall(jobId: string): StoredJob | undefined {
    const known = this.#known.get(jobId) ?? [];
    const back = this.#recallDice.chance(0.7) ? 1 : this.#recallDice.whole(1, KEPT + 1);
    return known.at(-back);
  }

  findByIdempotencyKey(tenant: string, key: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    return this.#access.read(() => this.#image.findByIdempotencyKey(tenant, key, signal), signal);
  }

  events(jobId: string, afterSequence: number, limit: number, signal: AbortSignal) {
    return this.#access.read(() => this.#image.events(jobId, afterSequence, limit, signal), signal);
  }

  list(query: JobQuery, signal: AbortSignal): Promise<readonly StoredJob[]> {
    return this.#access.read(() => this.#image.list(query, signal), signal);
  }

  onChange(jobId: string, listener: () => void): () => void {
    const { process } = this.#deps;
    return this.#image.onChange(jobId, () => process.after(this.#newsMs(), listener));
  }

  onAnyChange(listener: JobListener): () => void {
    const { process } = this.#deps;
    this.#listeners.add(listener);
    const stop = this.#image.onAnyChange((jobId, stored) => {
      if (!process.isAlive) return;
      if (this.#isOwn) {
        this.#news.delete(jobId);
        listener(jobId, stored);
        return;
      }
      this.#news.set(jobId, stored);
      process.after(this.#newsMs(), () => this.#hear(jobId));
    });
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }

  async caughtUp(signal: AbortSignal): Promise<void> {
    await this.#access.read(() => {}, signal);
    for (const jobId of [...this.#news.keys()]) this.#hear(jobId);
  }

  /** What another process wrote is heard of late, and of what came meanwhile only the last. */
  #hear(jobId: string): void {
    if (!this.#news.has(jobId)) return;
    const stored = this.#news.get(jobId);
    this.#news.delete(jobId);
    this.#know(stored);
    for (const listener of this.#listeners) listener(jobId, stored);
  }

  #know(stored: StoredJob | undefined): void {
    if (stored === undefined) return;
    const { id } = stored.job;
    this.#known.set(id, [...(this.#known.get(id) ?? []), stored].slice(-KEPT));
  }

  #newsMs(): number {
    const { way, process } = this.#deps;
    return way === undefined ? 0 : way.blockedMs(STORE_HOST, process.host) + way.delayMs();
  }

  /** Our own changes are told at once. */
  #own<T>(jobId: string, act: () => Promise<T>): Promise<T> {
    this.#isOwn = true;
    const result = act(); // tells before it returns
    this.#isOwn = false;
    this.#news.delete(jobId);
    return result;
  }

  get #image(): JobStore {
    return this.#deps.disk.jobs;
  }

  #inTurn<T>(point: string, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return this.#access.write(point, act);
    });
    this.#last = turn.catch(() => {});
    return orAbort(turn, signal);
  }

  #tell(job: Job, events: readonly JobEvent[]): void {
    this.#deps.history.tell({ kind: "written", process: this.#deps.process.name, job, events });
  }
}

/** What a write makes of a job, as crash points are named. */
function turnOf({ state, progress }: Job, events: readonly JobEvent[]): string {
  if (state.kind === "running") {
    if (events.some(({ parts }) => parts.length > 0)) return "assigned";
    if (state.isCancelAsked) return "cancel asked";
    return progress.stage === "denoise" && events.some(({ seconds }) => seconds > 0)
      ? "step done"
      : "stage started";
  }
  return state.kind;
}
