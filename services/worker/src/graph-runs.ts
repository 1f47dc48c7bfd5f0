interface Run {
  readonly at: number;
  givenUpAt: number | undefined;
}

/** A run this many times as long as the longest that came to an end does not come to one. */
const TOO_LONG = 5;

/** The runs of graphs that a device has under way. One that has begun cannot be stopped: given up, it goes on. */
export class GraphRuns {
  readonly #now: () => number;
  readonly #runs = new Set<Run>(); // the oldest first
  #longestMs = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** For which the oldest has been under way; 0: none is. */
  get seconds(): number {
    const [oldest] = this.#runs;
    return oldest === undefined ? 0 : (this.#now() - oldest.at) / 1000;
  }

  /** @param done settles with the run, on the device; its caller gives it up when the signal aborts */
  begun(done: Promise<unknown>, signal: AbortSignal): void {
    const at = this.#now();
    const run: Run = { at, givenUpAt: signal.aborted ? at : undefined };
    const giveUp = (): void => {
      run.givenUpAt = this.#now();
    };
    const end = (): void => {
      signal.removeEventListener("abort", giveUp);
      this.#runs.delete(run);
      this.#longestMs = Math.max(this.#longestMs, this.#now() - at);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#runs.add(run);
    done.then(end, end);
  }

  /**
   * Why the device must be taken to hang, for a person: a run has not come to its end for so long after it was given up,
   * and for far longer than any other took. Undefined: it need not.
   */
  hang(patienceMs: number): string | undefined {
    const now = this.#now();
    const limitMs = Math.max(patienceMs, TOO_LONG * this.#longestMs);
    for (const { at, givenUpAt } of this.#runs) {
      if (givenUpAt === undefined || now - givenUpAt < limitMs) continue;
      const [ran, inVain] = [now - at, now - givenUpAt].map((ms) => (ms / 1000).toFixed(1));
      return `a graph has run for ${ran} s, for the last ${inVain} s of which nobody has waited for it: its device hangs`;
    }
    return undefined;
  }
}
