import type {
  Job,
  JobEvent,
  JobListener,
  JobQuery,
  JobStore,
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
  /** Every call takes so many times as long as on a good disk. */
  readonly slowness: number;
}

const SLOW = 200;

/** The stores of one process on a disk that outlives it. */
export function simStores(deps: SimStoreDeps): Omit<Stores, "close"> {
  const access = new Access(deps);
  const { disk } = deps;
  return {
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
    await orAbort(this.#pass(0.05, 0.4), signal);
    if (this.#deps.perils.mood() === "down") throw storeIsDown();
    return look();
  }

  /** At "before" nothing is written, at "after" all is and the caller does not know it yet. */
  async write<T>(point: string, act: () => T | Promise<T>): Promise<T> {
    const { perils, process, disk } = this.#deps;
    await this.at(`${point} before`);
    await this.#pass(0.05, 0.5);
    const mood = perils.mood();
    if (mood === "down") throw storeIsDown();
    if (mood === "full") throw new ClusterError("resource_exhausted", "the disk of the store is full");
    const sync = disk.write(act);
    await this.#pass(0.2, 2);
    const result = await sync();
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

  constructor(deps: SimStoreDeps, access: Access) {
    this.#deps = deps;
    this.#access = access;
  }

  create(job: Job, events: readonly JobEvent[], signal: AbortSignal) {
    return this.#inTurn("jobs.create", signal, async () => {
      const result = await this.#image.create(job, events, neverAborts);
      if (result.isNew) this.#tell(job, events);
      return result;
    });
  }

  async update(job: Job, revision: number, events: readonly JobEvent[], signal: AbortSignal) {
    return this.#inTurn(`jobs.update ${turnOf(job, events)}`, signal, async () => {
      const stored = await this.#image.update(job, revision, events, neverAborts);
      if (stored !== undefined) this.#tell(job, events);
      return stored;
    });
  }

  delete(jobId: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn("jobs.delete", signal, async () => {
      await this.#image.delete(jobId, neverAborts);
      this.#deps.history.tell({ kind: "deleted", process: this.#deps.process.name, jobId });
    });
  }

  get(jobId: string, signal: AbortSignal): Promise<StoredJob | undefined> {
    return this.#access.read(() => this.#image.get(jobId, signal), signal);
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
    return this.#image.onChange(jobId, () => process.after(0, listener));
  }

  onAnyChange(listener: JobListener): () => void {
    const { process } = this.#deps;
    return this.#image.onAnyChange((jobId, stored) => {
      if (process.isAlive) listener(jobId, stored);
    });
  }

  caughtUp(signal: AbortSignal): Promise<void> {
    return this.#access.read(() => {}, signal);
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
