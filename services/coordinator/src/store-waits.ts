interface Wait {
  /** What is to be stored has not come yet. */
  isForSender: boolean;
}

/** What steps wait for the stores with. */
export class StoreWaits {
  readonly #waits = new Set<Wait>();

  /** Whether the stores have been given something to do and have not done it. */
  get isAny(): boolean {
    return [...this.#waits].some(({ isForSender }) => !isForSender);
  }

  /**
   * What the call gives. Of the time until then, what passes while a piece of the `sent` is waited for is its sender's,
   * not the stores'.
   */
  async during<T>(call: (sent: <P>(pieces: AsyncIterable<P>) => AsyncIterable<P>) => Promise<T>): Promise<T> {
    const wait: Wait = { isForSender: false };
    this.#waits.add(wait);
    try {
      return await call((pieces) => waitedFor(pieces, wait));
    } finally {
      this.#waits.delete(wait);
    }
  }
}

async function* waitedFor<P>(pieces: AsyncIterable<P>, wait: Wait): AsyncGenerator<P> {
  wait.isForSender = true;
  for await (const piece of pieces) {
    wait.isForSender = false;
    yield piece;
    wait.isForSender = true;
  }
  wait.isForSender = false;
}
