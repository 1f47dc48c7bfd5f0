import { orAbort } from "@cogfleet/core";

/** A gate that one waiter passes when it has been opened: an opening between two waits is not missed, ten are one. */
export class ChangeGate {
  #isOpen = false;
  #waiter: (() => void) | undefined;

  open(): void {
    this.#isOpen = true;
    this.#waiter?.();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Resolves once the gate is open, at once if it is. */
  async opened(signal: AbortSignal): Promise<void> {
    if (this.#isOpen) return;
    const opening = new Promise<void>((resolve) => {
      this.#waiter = resolve;
    });
    await orAbort(opening, signal);
  }
}
