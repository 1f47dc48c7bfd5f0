import { orAbort } from "@cogfleet/core";

/** Opens once it was counted down as often as it was told, and stays open. */
export class Latch {
  #left: number;
  readonly #opened: Promise<void>;
  #open: () => void = () => {};

  constructor(count: number) {
    this.#left = count;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    if (count === 0) this.#open();
  }

  countDown(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#open();
  }

  async opened(signal: AbortSignal): Promise<void> {
    await orAbort(this.#opened, signal);
  }
}
