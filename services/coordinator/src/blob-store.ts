/** What is known of a blob without reading it. */
export interface BlobInfo {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Where artifacts live, and later checkpoints: bytes under keys such as "jobs/4tz.../2/video", whose parts are made of
 * letters, digits, '-' and '_'. blob-store-suite.ts says the rest, for every adapter.
 * Every call throws the signal's reason when it aborts first, and `resource_exhausted` when the disk is full.
 */
export interface BlobStore {
  /**
   * Stores what `data` yields, whole or not at all; durable once it resolves. Replaces what was there.
   * Throws `data_loss` when size or sha256 is not as expected.
   */
  put(
    key: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobInfo,
    signal: AbortSignal,
  ): Promise<void>;

  stat(key: string, signal: AbortSignal): Promise<BlobInfo | undefined>;

  /** The bytes from `offset` on, in pieces of at most `MAX_PIECE_BYTES`. Throws `artifact_unavailable` when there is no such blob. */
  get(key: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;

  /** The keys that begin with `prefix`, which is empty or ends with "/", in any order. Deleting them meanwhile is fine. */
  keys(prefix: string, signal: AbortSignal): AsyncIterable<string>;

  /** Removing what is not there is fine. */
  delete(key: string, signal: AbortSignal): Promise<void>;

  /**
   * Removes what uploads left behind that a crash cut off, and touches none that is under way, in whatever process.
   * Returns how many there were. A store without it has no such leftovers while it is open.
   */
  sweep?(signal: AbortSignal): Promise<number>;
}

/** A piece fits a gRPC message at the default limit of 4 MiB with room to spare. */
export const MAX_PIECE_BYTES = 1024 * 1024;
