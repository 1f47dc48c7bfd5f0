import type { Clock } from "@cogfleet/core";

const LOOKS = 4;

/**
 * Notices silence. It looks four times per `silentMs` and counts looks in a row that found nothing: a thread that was
 * held up itself comes back with messages unread, and must not take its own sleep for another's silence.
 */
export class Vigil {
  readonly #clock: Clock;
  readonly #silentMs: number;
  #signs = 0;

  constructor(clock: Clock, silentMs: number) {
    this.#clock = clock;
    this.#silentMs = silentMs;
  }

  /** Something was heard. */
  heard(): void {
    this.#signs += 1;
  }

  /** Resolves after `silentMs` without a sign; rejects with the signal's reason. */
  async untilSilent(signal: AbortSignal): Promise<void> {
    for (let inVain = 0, before = this.#signs; inVain < LOOKS; ) {
      await this.#clock.sleep(this.#silentMs / LOOKS, signal);
      inVain = this.#signs === before ? inVain + 1 : 0;
      before = this.#signs;
    }
  }
}
