import type { BlobStore } from "./blob-store.js";
import type { FleetBoard } from "./fleet-board.js";
import type { JobStore } from "./job-store.js";
import type { ModelStore } from "./model-store.js";
import type { LeaseRegister } from "./register-lease.js";

/** What several coordinators on the same stores tell each other. */
export interface SharedStores {
  /** Who leads. */
  readonly lease: LeaseRegister;
  readonly board: FleetBoard;
}

/** What a coordinator keeps beyond its own life. */
export interface Stores {
  readonly jobs: JobStore;
  readonly models: ModelStore;
  readonly blobs: BlobStore;
  /** What coordinators need that share these stores; undefined: one process holds them alone. */
  readonly shared?: SharedStores | undefined;
  /** Aborts when they are not what they were: whoever goes by what it has read of them must begin anew. */
  readonly failed?: AbortSignal | undefined;
  /** Waits for what is being written. Nothing may be called afterwards. */
  close(): Promise<void>;
}
