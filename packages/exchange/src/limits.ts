/** Times and sizes of the exchange. All ranks of a group should use the same. */
export interface ExchangeLimits {
  /** Between two signs of life. Default 500 ms. */
  readonly beatMs: number;
  /** A rank that gives no sign of life for so long is lost. Default 2500 ms. */
  readonly silentMs: number;
  /** A rank that has not joined its group within this is lost. Default 10 s. */
  readonly joinMs: number;
  /** A transfer that has begun fails when nothing of it moves for so long. Default 10 s. */
  readonly transferIdleMs: number;
  /** Data in one message, bytes, at most 8 MiB. Default 1 MiB. */
  readonly frameBytes: number;
  /** What a rank may have on offer, bytes. It is the sender's memory: this catches programs that never receive. Default 4 GiB. */
  readonly offerLimitBytes: number;
  /** Shared memory for peers on the same host, bytes a process; 0 turns it off. Default 1 GiB. */
  readonly sharedMemoryBytes: number;
}

/** The defaults, with the reasons for the numbers in docs/adr/0005. */
export const DEFAULT_LIMITS: ExchangeLimits = {
  beatMs: 500,
  silentMs: 2_500,
  joinMs: 10_000,
  transferIdleMs: 10_000,
  frameBytes: 1024 * 1024,
  offerLimitBytes: 4 * 1024 ** 3,
  sharedMemoryBytes: 1024 ** 3,
};
