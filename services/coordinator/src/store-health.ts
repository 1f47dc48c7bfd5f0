import { ClusterError } from "@cogfleet/core";
import type { JobStore } from "./job-store.js";

/** What says nothing about the store: the caller left, or asked for what cannot be. */
const NOT_THE_STORE = new Set(["cancelled", "deadline_exceeded", "already_exists", "conflict"]);

/**
 * Whether the job store answers, judged by the calls that are made anyway: the coordinator looks for orphaned jobs every
 * second. Reads and writes are told apart, since a full disk is still readable.
 */
export class StoreHealth {
  #reads = true;
  #writes = true;

  get isUp(): boolean {
    return this.#reads && this.#writes;
  }

  /** The same store, whose calls are listened to. */
  watch(store: JobStore): JobStore {
    const read = this.#listened((isOk) => {
      this.#reads = isOk;
    });
    const write = this.#listened((isOk) => {
      this.#writes = isOk;
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

  #listened(note: (isOk: boolean) => void): <T>(call: Promise<T>) => Promise<T> {
    return async (call) => {
      try {
        const result = await call;
        note(true);
        return result;
      } catch (reason) {
        if (!NOT_THE_STORE.has(ClusterError.from(reason).code)) note(false);
        throw reason;
      }
    };
  }
}
