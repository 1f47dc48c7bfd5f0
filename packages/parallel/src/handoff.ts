import { orAbort } from "@cogfleet/core";

/** A queue between two loops of one rank: one puts, the other takes, in order. */
export class Handoff<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #wake: () => void = () => {};

  /** Holds `capacity` items before `put` waits. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Resolves once there was room. */
  async put(item: T, signal: AbortSignal): Promise<void> {
    while (this.#items.length >= this.#capacity) await this.#change(signal);
    this.push(item);
  }

  /** Puts without waiting for room. */
  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** The next item, once there is one. */
  async take(signal: AbortSignal): Promise<T> {
    while (this.#items.length === 0) await this.#change(signal);
    const [item] = this.#items.splice(0, 1) as [T];
    this.#wake();
    return item;
  }

  // Only one loop can wait: the one that takes waits while it is empty, the one that puts while it is full.
  #change(signal: AbortSignal): Promise<void> {
    const changed = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return orAbort(changed, signal);
  }
}
