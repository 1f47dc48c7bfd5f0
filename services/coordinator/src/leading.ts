import { type Clock, ClusterError, type Logger, linkSignals } from "@cogfleet/core";
import type { LeaderLease } from "./leader-lease.js";
import type { Leadership } from "./leadership.js";

/** What a coordinator does besides answering clients, while it leads. */
export interface LeaderWork {
  /** Takes up what its predecessor left, then lets workers in. */
  takeOver(signal: AbortSignal): Promise<void>;
  /** Gives workers jobs, and looks after them, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
  /** Sends the workers away. */
  letGo(): void;
  /** Resolves when nothing is being written any more. */
  settled(): Promise<void>;
}

export interface LeadingDeps {
  readonly lease: LeaderLease;
  readonly leadership: Leadership;
  readonly work: LeaderWork;
  readonly clock: Clock;
  readonly log: Logger;
}

const PAUSE_MS = 1_000;

/** Leads whenever it is this process' turn, until the signal aborts; then it hands over. */
export async function leadInTurn(deps: LeadingDeps, signal: AbortSignal): Promise<void> {
  const { lease, leadership, work, clock, log } = deps;
  while (!signal.aborted) {
    const waitingSince = clock.now();
    const held = await lease.acquire(signal).catch((reason: unknown) => {
      if (signal.aborted) return undefined;
      throw reason;
    });
    if (held === undefined) return;
    const { term } = held;
    const linked = linkSignals(signal, held.lost);
    log.info({ term, waitedSeconds: (clock.now() - waitingSince) / 1000 }, "leadership won");
    try {
      leadership.begin(term);
      await work.takeOver(linked.signal);
      log.info({ term, seconds: (clock.now() - waitingSince) / 1000 }, "jobs taken over");
      await work.watch(linked.signal);
    } catch (reason) {
      if (!linked.signal.aborted) log.error({ err: reason, term }, "leading failed");
    } finally {
      linked.unlink();
      // One that was told to stop still leads: what it began it may write down.
      if (held.lost.aborted) leadership.end();
      work.letGo();
      await work.settled();
      leadership.end();
    }
    const why = ClusterError.from(held.lost.reason ?? signal.reason).message;
    log.warn({ term, reason: why }, "leadership ended");
    await held.resign();
    if (!signal.aborted) await clock.sleep(PAUSE_MS, signal).catch(() => {});
  }
}
