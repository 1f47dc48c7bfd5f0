import { CRASH_POINTS } from "./crash-points.js";
import type { History } from "./history.js";
import type { LinkPerils } from "./sim-dial.js";
import type { SimProcess } from "./sim-process.js";
import type { StoreMood, StorePerils } from "./sim-stores.js";

const KNOWN: ReadonlySet<string> = new Set(CRASH_POINTS);

/** What threatens processes and stores from within: crash points that are armed, and moods of the store. */
export class Perils implements StorePerils, LinkPerils {
  readonly #history: History;
  readonly #now: () => number;
  /** Passes that are left until the process ends, by point. */
  readonly #armed = new Map<string, number>();
  #mood: StoreMood = "well";
  #moodUntil = 0;

  constructor(history: History, now: () => number) {
    this.#history = history;
    this.#now = now;
  }

  reach(process: SimProcess, point: string): void {
    if (!KNOWN.has(point)) throw new Error(`crash point "${point}" is not listed in crash-points.ts`);
    const left = process.isAlive ? this.#armed.get(point) : undefined;
    if (left === undefined) return;
    if (left > 1) {
      this.#armed.set(point, left - 1);
      return;
    }
    this.#armed.delete(point);
    this.#history.tell({ kind: "crash point", process: process.name, point });
    process.end();
  }

  /** The process that is the `nth` to come by the point ends there. */
  arm(point: string, nth: number): void {
    this.#armed.set(point, nth);
  }

  mood(): StoreMood {
    return this.#now() < this.#moodUntil ? this.#mood : "well";
  }

  setMood(mood: StoreMood, ms: number): void {
    this.#mood = mood;
    this.#moodUntil = this.#now() + ms;
  }

  /** Nothing happens any more. */
  end(): void {
    this.#armed.clear();
    this.#moodUntil = 0;
  }
}
