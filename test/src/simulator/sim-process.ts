import type { Clock } from "@cogfleet/core";
import type { World } from "./world.js";

/** True wall time at the beginning. */
export const START = Date.UTC(2026, 0, 1);

/**
 * A process of the simulated cluster: what it waits for comes in virtual time, later while it is frozen, and never once
 * it has been killed. All that the code in it awaits goes through here, so a killed one stands still for ever.
 */
export class SimProcess {
  readonly name: string;
  readonly host: string;
  readonly clock: Clock;
  readonly #world: World;
  readonly #onEnd: ((isPowerLoss: boolean) => void)[] = [];
  /** Wall clock, milliseconds ahead of the true time. */
  wallAheadMs = 0;
  /** What computes takes so many times as long. */
  slowness = 1;
  #isAlive = true;
  #frozenUntil = 0;
  #sleeping = 0;

  constructor(world: World, name: string, host: string) {
    this.#world = world;
    this.name = name;
    this.host = host;
    this.clock = {
      now: () => world.now,
      wallTime: () => START + world.now + this.wallAheadMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#frozenUntil > this.#world.now;
  }

  /** Sleeps of the code in it that are under way. */
  get sleeping(): number {
    return this.#sleeping;
  }

  /** Calls `run` in this process; returns what takes that back. */
  after(ms: number, run: () => void): () => void {
    let isCancelled = false;
    const fire = (): void => {
      if (isCancelled || !this.#isAlive) return;
      if (this.isFrozen) this.#world.after(this.#frozenUntil - this.#world.now, fire);
      else run();
    };
    this.#world.after(ms, fire);
    return () => {
      isCancelled = true;
    };
  }

  /** Resolves after so long, whatever happens but the end of the process. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** The event loop stands still for so long, and then everything that was due happens in order. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.now + ms);
  }

  /** Called at the end: by kill -9 and exit, where the kernel closes the connections, or by loss of power. */
  onEnd(listener: (isPowerLoss: boolean) => void): void {
    if (this.#isAlive) this.#onEnd.push(listener);
    else listener(false);
  }

  end(isPowerLoss = false): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const listener of this.#onEnd.splice(0)) listener(isPowerLoss);
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      this.#sleeping += 1;
      const wake = (): void => {
        this.#sleeping -= 1;
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const cancel = this.after(ms, wake);
      const onAbort = (): void => {
        this.#sleeping -= 1;
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** Never settles: what a call is that a process makes at its end. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
