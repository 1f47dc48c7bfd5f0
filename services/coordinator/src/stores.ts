import type { BlobStore } from "./blob-store.js";
import type { JobStore } from "./job-store.js";
import type { ModelStore } from "./model-store.js";

/** What a coordinator keeps beyond its own life. */
export interface Stores {
  readonly jobs: JobStore;
  readonly models: ModelStore;
  readonly blobs: BlobStore;
  /** Waits for what is being written. Nothing may be called afterwards. */
  close(): Promise<void>;
}
