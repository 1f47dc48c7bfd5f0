import { ClusterError } from "@cogfleet/core";
import type { LeaseRecord, LeaseRegister } from "../register-lease.js";

/** A register in memory that several contenders share, each over a way of its own that a test can cut. */
export class MemoryLeaseRegister {
  #record: LeaseRecord | undefined;
  #revision = 0;

  /** @param fault called before each operation: throws to cut this contender off, "after": it happens all the same */
  reach(fault: () => "after" | undefined = () => undefined): LeaseRegister {
    return {
      read: async (signal) => {
        signal.throwIfAborted();
        if (fault() === "after") throw lost();
        return this.#record && { record: this.#record, revision: String(this.#revision) };
      },
      write: async (record, revision, signal) => {
        signal.throwIfAborted();
        const how = fault();
        const newest = this.#record === undefined ? undefined : String(this.#revision);
        if (revision === newest) {
          this.#record = record;
          this.#revision += 1;
        }
        if (how === "after") throw lost();
        return revision === newest ? String(this.#revision) : undefined;
      },
    };
  }
}

function lost(): ClusterError {
  return new ClusterError("unavailable", "the answer was lost");
}
