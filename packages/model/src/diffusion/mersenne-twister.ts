// MT19937 (Matsumoto and Nishimura, 1998), the engine of torch.Generator("cpu").
import { ClusterError } from "@cogfleet/core";

const N = 624;
const M = 397;

/** Where an engine stands: its 624 words, and how many of them have been given out. */
export interface TwisterState {
  readonly words: Uint32Array;
  readonly index: number;
}

/** 32 random bits at a time. */
export class MersenneTwister {
  readonly #words: Uint32Array;
  #index: number;

  private constructor(words: Uint32Array, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** An engine for a 32-bit seed. */
  static seeded(seed: number): MersenneTwister {
    const words = new Uint32Array(N);
    words[0] = seed;
    for (let i = 1; i < N; i++) {
      const last = words[i - 1] as number;
      words[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
    return new MersenneTwister(words, N);
  }

  /** An engine that goes on where another stood. The state is copied. `data_loss` if it cannot be one. */
  static resumed({ words, index }: TwisterState): MersenneTwister {
    if (words.length !== N || !Number.isInteger(index) || index < 0 || index > N)
      throw new ClusterError(
        "data_loss",
        `a generator's state has ${N} words and an index up to ${N}, got ${words.length} and ${index}`,
      );
    return new MersenneTwister(words.slice(), index);
  }

  /** A copy of where the engine stands. */
  state(): TwisterState {
    return { words: this.#words.slice(), index: this.#index };
  }

  /** The next 32 bits, as a number in [0, 2^32). */
  random32(): number {
    if (this.#index === N) {
      twist(this.#words);
      this.#index = 0;
    }
    let y = this.#words[this.#index] as number;
    this.#index += 1;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }
}

function twist(words: Uint32Array): void {
  for (let i = 0; i < N; i++) {
    const y = ((words[i] as number) & 0x80000000) | ((words[(i + 1) % N] as number) & 0x7fffffff);
    words[i] = (words[(i + M) % N] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}
