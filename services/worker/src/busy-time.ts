import type { Runtime, Session } from "@cogfleet/model";

/** Wall time in which at least one of several things was under way: what overlaps counts once. */
export class BusyTime {
  readonly #now: () => number;
  #active = 0;
  #since = 0;
  #seconds = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The promise's, until it settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    if (this.#active === 0) this.#since = this.#now();
    this.#active += 1;
    try {
      return await work;
    } finally {
      this.#active -= 1;
      if (this.#active === 0) this.#seconds += (this.#now() - this.#since) / 1000;
    }
  }

  /** Seconds since the last call. What is still under way counts up to now. */
  take(): number {
    const now = this.#now();
    const running = this.#active > 0 ? (now - this.#since) / 1000 : 0;
    const seconds = this.#seconds + running;
    this.#since = now;
    this.#seconds = 0;
    return seconds;
  }
}

/** The same runtime; the runs of its sessions are told to `busy`. */
export function busyRuntime(runtime: Runtime, busy: Pick<BusyTime, "during">): Runtime {
  const counted = (session: Session): Session => ({
    run: (...args) => busy.during(session.run(...args)),
    runKeeping: (...args) => busy.during(session.runKeeping(...args)),
    close: () => session.close(),
  });
  return {
    isFar: runtime.isFar,
    open: async (...args) => counted(await runtime.open(...args)),
    openTogether: async (...args) => (await runtime.openTogether(...args)).map(counted),
    close: () => runtime.close(),
  };
}
