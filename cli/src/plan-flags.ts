import type { GenerationArguments } from "@cogfleet/model";
import {
  DEFAULT_HOST_BYTES_PER_SECOND,
  PARALLEL_RULE,
  type ParallelChoice,
  parseParallel,
} from "@cogfleet/parallel";
import { FlagReader, type RawFlags } from "./flags.js";

/** What `plan` was asked to explain. */
export interface PlanRequest {
  readonly model: string | undefined;
  readonly args: Omit<GenerationArguments, "prompt">;
  readonly pinned: ParallelChoice;
  readonly device: "cpu" | "cuda" | "webgpu";
  readonly precision: "fp32" | "fp16" | "bf16" | "auto";
  /** Floating-point operations a second, by worker. */
  readonly rates: readonly number[];
  readonly memoryBytes: number;
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
  readonly hostBytesPerSecond: number;
  readonly isJson: boolean;
}

const TERA = 1e12;
const GBIT_BYTES = 1e9 / 8;
const GB = 1e9;
const MOST_WORKERS = 256;

/** TFLOP/s of a worker when nobody says: a core with AVX-512 (design figure 190 GFLOP/s), an L40 (5B in 6.28 s a step). */
const USUAL_RATE = { cpu: 0.19, cuda: 106, webgpu: 10 } as const;

/** Reads the flags of `plan`; `invalid_request` names every one that is wrong. Sizes are the model's to judge. */
export function readPlanFlags(raw: RawFlags): PlanRequest {
  const flags = new FlagReader(raw);
  const model = flags.text("model");
  flags.require(model === undefined || model.trim() !== "", "--model must not be blank");
  const parallel = flags.text("parallel") ?? "auto";
  const pinned = parseParallel(parallel);
  flags.require(pinned !== undefined, `--parallel ${PARALLEL_RULE}, got "${parallel}"`);
  const device = flags.oneOf("device", ["cpu", "cuda", "webgpu"]) ?? "cpu";
  const request: PlanRequest = {
    model,
    args: {
      numInferenceSteps: flags.integer("steps", { min: 1, max: 1000 }),
      guidanceScale: flags.decimal("guidance-scale", 0),
      scheduler: flags.oneOf("scheduler", ["ddim", "dpm"]),
      numFrames: flags.integer("frames"),
      height: flags.integer("height"),
      width: flags.integer("width"),
      vaeTiling: flags.isSet("vae-tiling"),
    },
    pinned: pinned ?? {},
    device,
    precision: flags.oneOf("precision", ["fp32", "fp16", "bf16"]) ?? "auto",
    rates: readRates(flags, USUAL_RATE[device]).map((rate) => rate * TERA),
    memoryBytes: (flags.positive("memory") ?? Number.POSITIVE_INFINITY) * GB,
    bytesPerSecond: (flags.positive("bandwidth") ?? 10) * GBIT_BYTES,
    latencySeconds: (flags.decimal("latency", 0) ?? 0.2) / 1000,
    hostBytesPerSecond: (flags.positive("host-bandwidth") ?? DEFAULT_HOST_BYTES_PER_SECOND / GB) * GB,
    isJson: flags.isSet("json"),
  };
  flags.finish();
  return request;
}

/** `--worker-rates 100,100,50`, or `--workers` of the usual rate. */
function readRates(flags: FlagReader, usual: number): readonly number[] {
  const workers = flags.integer("workers", { min: 1, max: MOST_WORKERS });
  const list = flags.text("worker-rates");
  if (list === undefined) return Array.from({ length: workers ?? 2 }, () => usual);
  const texts = list.split(",");
  const rates = texts.map(Number);
  const areRates = texts.every((text) => /^\d+(\.\d+)?$/.test(text)) && rates.every((rate) => rate > 0);
  flags.require(
    areRates && rates.length <= MOST_WORKERS,
    `--worker-rates must be 1 to ${MOST_WORKERS} numbers greater than 0, in TFLOP/s, such as 100,100,50, got "${list}"`,
  );
  flags.require(
    workers === undefined || workers === rates.length,
    `--worker-rates names ${rates.length} workers and --workers ${workers}: give one of them`,
  );
  return rates;
}
