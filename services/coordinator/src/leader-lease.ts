/** Who leads. */
export interface Leader {
  /** Rises with each leader, never used twice: what an older one writes is refused. */
  readonly term: number;
  /** host:port at which workers reach it. */
  readonly address: string;
}

/** The right to schedule, while it lasts. */
export interface HeldLease {
  readonly term: number;
  /** Aborts once this process must take it that somebody else leads, or may. */
  readonly lost: AbortSignal;
  /** Gives the lease back, so that another one leads at once; one that cannot be given back runs out. Idempotent. */
  resign(): Promise<void>;
}

/**
 * Picks one coordinator of several that schedules and takes workers. A process that was stopped and goes on may for a
 * moment hold for its own what has passed to another: the lease makes that rare, the terms in the records harmless.
 * leader-lease-suite.ts says the rest, for every adapter.
 */
export interface LeaderLease {
  /** Waits until this process leads. Once at a time; throws only the signal's reason. */
  acquire(signal: AbortSignal): Promise<HeldLease>;
  /** Who leads, as far as this process has heard while it led or waited. */
  current(): Leader | undefined;
}
