// torch.Generator("cpu") and its draws (aten/src/ATen/core/DistributionsHelper.h, native/cpu/DistributionTemplates.h).
import { cosSin, log } from "./double-double.js";
import { MersenneTwister, type TwisterState } from "./mersenne-twister.js";

/** All there is to know about a generator: with it, draws go on as if nothing had happened. */
export interface GeneratorState extends TwisterState {
  /** The second normal of a pair, kept for the next draw of fewer than 16; undefined when there is none. */
  readonly nextNormal: number | undefined;
}

/** Draws the numbers that torch draws on a CPU from the same seed. */
export class TorchGenerator {
  readonly #engine: MersenneTwister;
  #nextNormal: number | undefined;

  private constructor(engine: MersenneTwister, nextNormal: number | undefined) {
    this.#engine = engine;
    this.#nextNormal = nextNormal;
  }

  /** `manual_seed(seed)`: like torch, of an integer from 0 to 2^53 - 1 only the low 32 bits count. */
  static seeded(seed: number): TorchGenerator {
    return new TorchGenerator(MersenneTwister.seeded(seed % 2 ** 32), undefined);
  }

  /** A generator that goes on where another stood. The state is copied. */
  static resumed(state: GeneratorState): TorchGenerator {
    return new TorchGenerator(MersenneTwister.resumed(state), state.nextNormal);
  }

  /** A copy of where the generator stands. */
  state(): GeneratorState {
    return { ...this.#engine.state(), nextNormal: this.#nextNormal };
  }

  /** `torch.rand`, float32: uniform in [0, 1), 24 bits. */
  uniform32(): number {
    return (this.#engine.random32() & 0xffffff) * 2 ** -24;
  }

  /** `torch.rand`, float64: uniform in [0, 1), 53 bits. */
  uniform64(): number {
    const high = this.#engine.random32() & 0x1fffff; // the first 32 bits are the high word
    return (high * 2 ** 32 + this.#engine.random32()) * 2 ** -53;
  }

  /** One normal in float64, the way torch makes draws of fewer than 16. Every other one comes from the pair before. */
  normal64(): number {
    const kept = this.#nextNormal;
    if (kept !== undefined) {
      this.#nextNormal = undefined;
      return kept;
    }
    const theta = 2 * Math.PI * this.uniform64();
    // torch takes log1p(-u); 1 - u is exact, so this is the same.
    const r = Math.sqrt(-2 * log(1 - this.uniform64()));
    const [cos, sin] = cosSin(theta);
    this.#nextNormal = r * sin;
    return r * cos;
  }
}
