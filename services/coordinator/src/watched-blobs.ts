import { ClusterError } from "@cogfleet/core";
import type { BlobStore } from "./blob-store.js";

/** The uploader's doing: it sent other bytes than it announced, or left. */
const NOT_OURS = new Set(["data_loss", "cancelled", "deadline_exceeded", "lease_lost"]);

/** The same store; `onWriteFailed` is told the code of what kept a blob from being written, unless the sender was to blame. */
export function watchedBlobs(blobs: BlobStore, onWriteFailed: (code: string) => void): BlobStore {
  return {
    async put(key, data, expected, signal) {
      try {
        await blobs.put(key, data, expected, signal);
      } catch (reason) {
        const { code } = ClusterError.from(reason);
        if (!signal.aborted && !NOT_OURS.has(code)) onWriteFailed(code);
        throw reason;
      }
    },
    stat: (...args) => blobs.stat(...args),
    get: (...args) => blobs.get(...args),
    keys: (...args) => blobs.keys(...args),
    delete: (...args) => blobs.delete(...args),
    sweep: async (signal) => (await blobs.sweep?.(signal)) ?? 0,
  };
}
