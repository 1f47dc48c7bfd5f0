import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";

/** CogVideoX-2b, by its configs' defaults, and its text encoder. */
export const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", {
    feed_forward_proj: "gated-gelu",
    d_model: 4096,
    d_ff: 10_240,
    d_kv: 64,
    num_layers: 24,
    num_heads: 64,
    vocab_size: 32_128,
  }),
};

/** A job of the simulated day. */
export interface Arrival {
  /** Seconds since midnight. */
  readonly at: number;
  readonly numFrames: number;
  readonly height: number;
  readonly width: number;
  readonly numInferenceSteps: number;
  /** What it takes, by what the planner expects: workers differ, and estimates are never right. */
  readonly truth: number;
}

export const DAY_SECONDS = 86_400;

const SHAPES = [
  { share: 0.5, numFrames: 9, height: 256, width: 384, numInferenceSteps: 30 },
  { share: 0.3, numFrames: 25, height: 480, width: 720, numInferenceSteps: 30 },
  { share: 0.2, numFrames: 49, height: 480, width: 720, numInferenceSteps: 50 },
];

/** Uniform numbers from 0 to 1, the same for the same seed. */
export type Uniform = () => number;

export function uniform(seed: number): Uniform {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/**
 * A day of arrivals: a rate that follows the sun, and bursts of 20 to 80 jobs at once, as when somebody submits a batch.
 * Estimates are wrong by a factor that nobody knows beforehand (1.3) and by each job's own luck.
 */
export function arrivals(seed: number): readonly Arrival[] {
  const random = uniform(seed);
  const found: Arrival[] = [];
  const add = (at: number): void => {
    const pick = random();
    let share = 0;
    const shape = SHAPES.find((one) => {
      share += one.share;
      return pick < share;
    });
    const { numFrames, height, width, numInferenceSteps } = shape ?? (SHAPES[0] as (typeof SHAPES)[number]);
    const truth = 1.3 * Math.exp(0.2 * normal(random));
    found.push({ at: Math.floor(at), numFrames, height, width, numInferenceSteps, truth });
  };
  const perHour = (hour: number): number => 4 + 26 * Math.max(0, Math.sin((Math.PI * (hour - 7)) / 14));
  for (let at = 0; at < DAY_SECONDS; at += 10)
    if (random() < (perHour(at / 3600) * 10) / 3600) add(at + 10 * random());
  for (let burst = 0; burst < 6; burst++) {
    const at = 3600 * (6 + 16 * random());
    const jobs = 20 + Math.floor(60 * random());
    for (let i = 0; i < jobs; i++) add(at + 60 * random());
  }
  return found.sort((a, b) => a.at - b.at);
}

function normal(random: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
