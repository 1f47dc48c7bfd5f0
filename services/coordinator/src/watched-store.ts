import { ClusterError } from "@cogfleet/core";
import type { JobStore } from "./job-store.js";

/** The same store; `onDoubt` is called when a write failed or was given up on, and may have happened or not. */
export function watchedStore(store: JobStore, onDoubt: () => void): JobStore {
  const watched = async <T>(write: Promise<T>): Promise<T> => {
    try {
      return await write;
    } catch (reason) {
      if (ClusterError.from(reason).code !== "already_exists") onDoubt();
      throw reason;
    }
  };
  return {
    create: (...args) => watched(store.create(...args)),
    get: (...args) => store.get(...args),
    recall: (...args) => store.recall(...args),
    findByIdempotencyKey: (...args) => store.findByIdempotencyKey(...args),
    update: (...args) => watched(store.update(...args)),
    events: (...args) => store.events(...args),
    list: (...args) => store.list(...args),
    delete: (...args) => store.delete(...args),
    onChange: (...args) => store.onChange(...args),
    onAnyChange: (...args) => store.onAnyChange(...args),
    caughtUp: (...args) => store.caughtUp(...args),
  };
}
