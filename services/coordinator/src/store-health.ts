import { type Clock, ClusterError } from "@cogfleet/core";
import type { JobStore } from "./job-store.js";

/** What says nothing about the store: the caller left, or asked for what cannot be. */
const NOT_THE_STORE = new Set(["cancelled", "deadline_exceeded", "already_exists", "conflict"]);

const PROBE_MS = 2_000;
const PROBED_JOB = "probe";
/** Servers that elect a leader, or are started again, are back by then. */
const AWAY_MS = 10_000;

/**
 * Whether the job store answers: judged by the calls that are made anyway, and by asking for a job now and then, since
 * lists and events may come from memory, and then say nothing. A store that can be reached and takes no writes, as on a
 * full disk, is down until it takes one.
 */
export class StoreHealth {
  readonly #clock: Clock;
  /** Since when it does not answer, monotonic milliseconds. */
  #silentSince: number | undefined;
  #takesWrites = true;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isUp(): boolean {
    return this.#silentSince === undefined && this.#takesWrites;
  }

  /** Why no call can be answered now, nor a moment ago; undefined while some can, or might be soon. */
  get outage(): string | undefined {
    const silentMs = this.#clock.now() - (this.#silentSince ?? this.#clock.now());
    if (silentMs < AWAY_MS) return undefined;
    return `the job store has not answered for ${Math.round(silentMs / 1000)} s`;
  }

  /** Asks a store that is listened to, until the signal aborts. Every coordinator does, also one that has nothing to do. */
  async probe(store: JobStore, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await store.get(PROBED_JOB, signal).catch(() => {}); // noted
      await this.#clock.sleep(PROBE_MS, signal).catch(() => {});
    }
  }

  /** The same store, whose calls are listened to. */
  watch(store: JobStore): JobStore {
    const read = this.#listened(() => this.#answered());
    const readFromMemory = this.#listened(() => {});
    const write = this.#listened((isOk) => {
      this.#takesWrites = isOk;
      this.#answered();
    });
    return {
      create: (...args) => write(store.create(...args)),
      get: (...args) => read(store.get(...args)),
      recall: (...args) => store.recall(...args),
      findByIdempotencyKey: (...args) => read(store.findByIdempotencyKey(...args)),
      update: (...args) => write(store.update(...args)),
      events: (...args) => readFromMemory(store.events(...args)),
      list: (...args) => readFromMemory(store.list(...args)),
      delete: (...args) => write(store.delete(...args)),
      onChange: (...args) => store.onChange(...args),
      onAnyChange: (...args) => store.onAnyChange(...args),
      caughtUp: (...args) => store.caughtUp(...args),
    };
  }

  #answered(): void {
    this.#silentSince = undefined;
  }

  #listened(onAnswer: (isOk: boolean) => void): <T>(call: Promise<T>) => Promise<T> {
    return async (call) => {
      try {
        const result = await call;
        onAnswer(true);
        return result;
      } catch (reason) {
        const { code } = ClusterError.from(reason);
        if (code === "unavailable") this.#silentSince ??= this.#clock.now();
        else if (!NOT_THE_STORE.has(code)) onAnswer(false);
        throw reason;
      }
    };
  }
}
