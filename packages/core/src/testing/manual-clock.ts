import type { Clock } from "../clock.js";

interface Sleeper {
  readonly wakeAt: number;
  wake(): void;
}

/** A clock that stands still until a test moves it. Both clocks start at 0 and 2026-01-01T00:00:00Z. */
export class ManualClock implements Clock {
  #now = 0;
  #wallTime = Date.UTC(2026, 0, 1);
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#wallTime;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      const sleeper: Sleeper = {
        wakeAt: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** How many sleeps are waiting. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Moves both clocks on, waking sleepers in order and letting each run before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#sleepers].sort((a, b) => a.wakeAt - b.wakeAt)[0];
      if (next === undefined || next.wakeAt > end) break;
      this.#moveTo(Math.max(this.#now, next.wakeAt));
      next.wake();
    }
    this.#moveTo(end);
    await settle();
  }

  /** The wall clock jumps, as it does when somebody sets it; the monotonic one does not. */
  jumpWallTime(ms: number): void {
    this.#wallTime += ms;
  }

  #moveTo(now: number): void {
    this.#wallTime += now - this.#now;
    this.#now = now;
  }
}

/** Lets promises that can settle do so: setImmediate runs after all microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
