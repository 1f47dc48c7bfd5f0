import { createHash } from "node:crypto";
import type { Random } from "@cogfleet/core";

/**
 * Random numbers that are a function of a seed and a label. Each part of a simulation throws its own dice, so that a
 * fault that is left out does not change what the others throw.
 */
export class Dice {
  readonly #seed: string;
  readonly #state: Uint32Array; // of sfc32, by Chris Doty-Humphrey

  constructor(seed: string) {
    this.#seed = seed;
    const digest = createHash("sha256").update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** Dice of their own for a part. */
  of(label: string): Dice {
    return new Dice(`${this.#seed}/${label}`);
  }

  /** In [0, 1). */
  next(): number {
    const s = this.#state as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
    const sum = (s[0] + s[1] + s[3]) >>> 0;
    s[3] += 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + sum;
    return sum / 2 ** 32;
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** In [from, to], whole. */
  whole(from: number, to: number): number {
    return from + Math.floor((to - from + 1) * this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }

  /** Ids and seeds for the code under test. */
  random(): Random {
    let ids = 0;
    const name = this.#seed.replace(/[^a-z0-9]/g, "").slice(-12);
    return {
      id: () => {
        ids += 1;
        return `${name}x${ids}`;
      },
      seed: () => Math.floor(this.next() * 2 ** 48),
    };
  }
}
