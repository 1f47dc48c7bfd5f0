import type { FlagReader } from "../flags.js";

/** What is computed on, and in what; undefined where the flag was left out. */
export interface ComputeFlags {
  /** As ONNX Runtime's adapter reads it: cpu, webgpu, cuda or cuda:INDEX. */
  readonly device: string | undefined;
  readonly precision: "fp32" | "fp16" | "bf16" | undefined;
}

/** How many workers a machine runs, and what each computes on. */
export interface WorkerShape extends ComputeFlags {
  readonly workers: number;
  readonly threads: number | undefined;
}

/** Reads `--device` and `--precision`. */
export function readComputeFlags(flags: FlagReader): ComputeFlags {
  const device = flags.text("device");
  flags.require(
    device === undefined || /^(cpu|webgpu|cuda(:\d{1,2})?)$/.test(device),
    `--device must be cpu, webgpu, cuda or cuda:<index>, got "${device}"`,
  );
  return { device, precision: flags.oneOf("precision", ["fp32", "fp16", "bf16"]) };
}

/** Reads `--workers`, `--threads`, `--device` and `--precision`. */
export function readWorkerShape(flags: FlagReader): WorkerShape {
  return {
    workers: flags.integer("workers", { min: 1, max: 256 }) ?? 1,
    threads: flags.integer("threads", { min: 1, max: 1024 }),
    ...readComputeFlags(flags),
  };
}

/** The flags of each worker: they share the machine's cores unless `threads` says otherwise. */
export function workerFlags(shape: WorkerShape, modelFolder: string): string[] {
  const flags = ["--model", modelFolder, "--local-workers", String(shape.workers)];
  // Workers share an environment: a fixed port or name in it would do for one of them only.
  flags.push("--http-port", "0", "--id", "auto");
  if (shape.threads !== undefined) flags.push("--threads", String(shape.threads));
  if (shape.device !== undefined) flags.push("--device", shape.device);
  if (shape.precision !== undefined) flags.push("--precision", shape.precision);
  return flags;
}
