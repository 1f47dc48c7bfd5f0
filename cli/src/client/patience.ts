import { type Clock, ClusterError } from "@cogfleet/core";

/** How long a command goes on without a word from the coordinator, milliseconds. */
export const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 250;
export const LONGEST_PAUSE_MS = 4_000;

export interface PatienceDeps {
  readonly clock: Clock;
  /** Told, once for each time away, what a waiting user should know. */
  onNotice(text: string): void;
}

/** Waits for a coordinator that went away: with pauses that grow, until it was not heard for PATIENCE_MS. */
export class Patience {
  readonly #deps: PatienceDeps;
  readonly #later: string;
  #awaySince: number | undefined;
  #isMissed = false; // as the user was told
  #pauseMs = FIRST_PAUSE_MS;

  /** @param later the command that goes on from here another time */
  constructor(deps: PatienceDeps, later: string) {
    this.#deps = deps;
    this.#later = later;
  }

  /** The coordinator answers; whether it also does what was asked for is not known yet. */
  answered(): void {
    if (this.#isMissed) this.#deps.onNotice("the coordinator is back");
    this.#isMissed = false;
  }

  /** The coordinator did some of what was asked for. */
  heard(): void {
    this.answered();
    this.#awaySince = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /**
   * Resolves when it is time to try again; `broken` is what the last try ended with, undefined for a stream that just
   * ended. Throws `broken` where trying again cannot help, and `unavailable` when the patience is over.
   */
  async pause(broken: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (broken !== undefined && !isPassing(broken)) throw broken;
    const { clock, onNotice } = this.#deps;
    this.#awaySince ??= clock.now();
    if (clock.now() - this.#awaySince >= PATIENCE_MS)
      throw new ClusterError(
        "unavailable",
        `the coordinator stayed away for ${PATIENCE_MS / 1000} s; see later with: ${this.#later}`,
        { cause: broken },
      );
    if (!this.#isMissed) onNotice(`lost the coordinator; trying again for ${PATIENCE_MS / 1000} s`);
    this.#isMissed = true;
    await clock.sleep(this.#pauseMs, signal);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }
}

/** Whether the connection or the coordinator went, not what was asked for. */
function isPassing(reason: unknown): boolean {
  if (!(reason instanceof ClusterError)) return false;
  // A coordinator that is killed ends streams with whatever status its transport finds last.
  return reason.retryable || reason.code === "cancelled" || reason.code === "deadline_exceeded";
}
