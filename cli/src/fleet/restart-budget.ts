const WINDOW_MS = 60_000;

/** Says whether a service that ended may be started again: at most `limit` times in any minute. */
export class RestartBudget {
  readonly #limit: number;
  #restartedAtMs: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes one restart out of the budget; false when there is none left. `nowMs` is monotonic. */
  take(nowMs: number): boolean {
    this.#restartedAtMs = this.#restartedAtMs.filter((at) => nowMs - at < WINDOW_MS);
    if (this.#restartedAtMs.length >= this.#limit) return false;
    this.#restartedAtMs.push(nowMs);
    return true;
  }
}
