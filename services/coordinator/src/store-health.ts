import { type Clock, ClusterError } from "@cogfleet/core";
import type { JobStore } from "./job-store.js";

/** What says nothing about the store: the caller left, or asked for what cannot be. */
const NOT_THE_STORE = new Set(["cancelled", "deadline_exceeded", "already_exists", "conflict"]);

const PROBE_MS = 2_000;
const PROBED_JOB = "probe";

/**
 * Whether the job store answers: judged by the calls that are made anyway, and by asking for a job now and then, since
 * lists may come from memory. A store that can be reached and takes no writes, as on a full disk, is down until it takes
 * one.
 */
export class StoreHealth {
  #isReached = true;
  #takesWrites = true;

  get isUp(): boolean {
    return this.#isReached && this.#takesWrites;
  }

  /** Asks a store that is listened to, until the signal aborts. Every coordinator does, also one that has nothing to do. */
  async probe(store: JobStore, clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await store.get(PROBED_JOB, signal).catch(() => {}); // noted
      await clock.sleep(PROBE_MS, signal).catch(() => {});
    }
  }

  /** The same store, whose calls are listened to. */
  watch(store: JobStore): JobStore {
    const read = this.#listened(() => {});
    const write = this.#listened((isOk) => {
      this.#takesWrites = isOk;
    });
    return {
      create: (...args) => write(store.create(...args)),
      get: (...args) => read(store.get(...args)),
      findByIdempotencyKey: (...args) => read(store.findByIdempotencyKey(...args)),
      update: (...args) => write(store.update(...args)),
      events: (...args) => read(store.events(...args)),
      list: (...args) => read(store.list(...args)),
      delete: (...args) => write(store.delete(...args)),
      onChange: (...args) => store.onChange(...args),
      onAnyChange: (...args) => store.onAnyChange(...args),
      caughtUp: (...args) => store.caughtUp(...args),
    };
  }

  #listened(onReached: (isOk: boolean) => void): <T>(call: Promise<T>) => Promise<T> {
    return async (call) => {
      try {
        const result = await call;
        this.#isReached = true;
        onReached(true);
        return result;
      } catch (reason) {
        const { code } = ClusterError.from(reason);
        if (code === "unavailable") this.#isReached = false;
        else if (!NOT_THE_STORE.has(code)) onReached(false);
        throw reason;
      }
    };
  }
}
