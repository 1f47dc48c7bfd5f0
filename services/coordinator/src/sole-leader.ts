import { neverAborts } from "@cogfleet/core";
import type { HeldLease, Leader, LeaderLease } from "./leader-lease.js";

/** For a store that one process holds alone: whoever has opened it leads, as long as it lives. */
export class SoleLeader implements LeaderLease {
  readonly #leader: Leader;

  /** @param address host:port at which workers reach this process */
  constructor(address: string) {
    this.#leader = { term: 1, address };
  }

  async acquire(signal: AbortSignal): Promise<HeldLease> {
    signal.throwIfAborted();
    return { term: this.#leader.term, lost: neverAborts, resign: async () => {} };
  }

  current(): Leader {
    return this.#leader;
  }
}
