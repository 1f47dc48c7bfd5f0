import { ClusterError, orAbort } from "@cogfleet/core";
import type { OfferTable } from "./offers.js";

/** How a rank's part in a group ended. */
export type Outcome =
  | { readonly kind: "left" }
  | { readonly kind: "failed"; readonly error: ClusterError; readonly failedRank: number };

/** A rank of a group in this process, as peers may ask for it. */
export interface Member {
  readonly jobId: string;
  /** Fencing token: higher is newer. */
  readonly epoch: number;
  readonly rank: number;
  readonly size: number;
  readonly offers: OfferTable;
  /** Resolves when it leaves or fails. */
  readonly outcome: Promise<Outcome>;
}

// Members that have ended are kept for peers that come late, and their epochs for peers that are stale.
const MOST_JOBS = 256;

/** Who takes part in which job here. A peer that asks early waits; one that asks too late is refused. */
export class MemberTable {
  readonly #members = new Map<string, Member>(); // by job, the newest epoch only, oldest job first
  readonly #arrivals = new Map<string, Set<() => void>>();

  /** Throws `lease_lost` when the job has a member of the same or a newer epoch here. */
  add(member: Member): void {
    const current = this.#members.get(member.jobId);
    if (current !== undefined && current.epoch >= member.epoch) throw staleEpoch(member, current.epoch);
    this.#members.delete(member.jobId);
    this.#members.set(member.jobId, member);
    for (const arrived of this.#arrivals.get(member.jobId) ?? []) arrived();
    for (const jobId of this.#members.keys()) {
      if (this.#members.size <= MOST_JOBS) break;
      this.#members.delete(jobId);
    }
  }

  /** Waits until this process has joined that epoch of the job; `lease_lost` when it is past it. */
  async find(jobId: string, epoch: number, signal: AbortSignal): Promise<Member> {
    for (;;) {
      const member = this.#members.get(jobId);
      if (member !== undefined && member.epoch > epoch) throw staleEpoch({ jobId, epoch }, member.epoch);
      if (member?.epoch === epoch) return member;
      await this.#arrival(jobId, signal);
    }
  }

  async #arrival(jobId: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#arrivals.get(jobId) ?? new Set();
    this.#arrivals.set(jobId, waiting);
    let wake = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      wake = resolve;
    });
    waiting.add(wake);
    try {
      await orAbort(arrived, signal);
    } finally {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#arrivals.get(jobId) === waiting) this.#arrivals.delete(jobId);
    }
  }
}

function staleEpoch(
  asked: { readonly jobId: string; readonly epoch: number },
  current: number,
): ClusterError {
  return new ClusterError(
    "lease_lost",
    `epoch ${asked.epoch} of job ${asked.jobId} is over: this process is at epoch ${current}`,
  );
}
