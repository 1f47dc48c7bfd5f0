import type { Database, Operation } from "./database.js";

/** What a transaction sees and does: its reads include what those before it wrote. */
export interface Transaction {
  get(key: string): Buffer | undefined;
  put(key: string, value: Buffer): void;
  delete(key: string): void;
}

interface Waiting {
  readonly reads: readonly string[];
  readonly signal: AbortSignal;
  /** Decides; returns what to call once that is on the disk, or throws. */
  decide(transaction: Transaction): () => void;
  reject(reason: unknown): void;
}

// What comes while one group is written makes the next. The bound keeps a group's memory and time small.
const MAX_GROUP = 512;

/**
 * One writer for many: transactions run one after another, each on the results of those before it, and a whole group
 * of them reaches the disk with one sync.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;
  #settled: () => void = () => {};

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Runs a transaction; resolves with its result once what it wrote is on the disk. When `decide` throws, nothing of it
   * is written. Throws the signal's reason when that has aborted before its turn.
   * @param reads keys that it will probably read, to be fetched together with those of the others
   */
  run<T>(reads: readonly string[], decide: (transaction: Transaction) => T, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        reads,
        signal,
        reject,
        decide: (transaction) => {
          const result = decide(transaction);
          return () => resolve(result);
        },
      };
      this.#waiting.push(waiting);
      if (!this.#isBusy) void this.#work();
    });
  }

  /** Resolves when nothing waits or is being written. */
  async settled(): Promise<void> {
    while (this.#isBusy) {
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
      });
    }
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (;;) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      if (group.length === 0) break;
      try {
        await this.#commit(group);
      } catch (reason) {
        for (const { reject } of group) reject(reason);
      }
    }
    this.#isBusy = false;
    this.#settled();
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const keys = [...new Set(group.flatMap(({ reads }) => reads))];
    const results: (() => void)[] = [];
    const operations = await this.#database.use(async (level) => {
      const values = await level.getMany(keys);
      const state = new Map(keys.map((key, i) => [key, values[i]]));
      const written = new Map<string, Buffer | undefined>();
      for (const { decide, signal, reject } of group) {
        const own = new Map<string, Buffer | undefined>();
        const transaction: Transaction = {
          get: (key) => {
            for (const seen of [own, written, state]) if (seen.has(key)) return seen.get(key);
            return level.getSync(key); // one that could not be foreseen
          },
          put: (key, value) => own.set(key, value),
          delete: (key) => own.set(key, undefined),
        };
        try {
          signal.throwIfAborted();
          results.push(decide(transaction));
          for (const [key, value] of own) written.set(key, value);
        } catch (reason) {
          reject(reason);
        }
      }
      return [...written].map(([key, value]): Operation => {
        return value === undefined ? { type: "del", key } : { type: "put", key, value };
      });
    });
    if (operations.length > 0) await this.#database.write(operations);
    for (const tell of results) tell();
  }
}
