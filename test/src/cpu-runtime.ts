import { after } from "node:test";
import type { Precision } from "@cogfleet/model";
import { type ComputeRuntime, startThreadRuntime } from "@cogfleet/ort";

/** A runtime on one thread of the CPU, for all tests of a file: starting one takes longer than most cases. */
export function cpuRuntime(precision: Precision = "fp32"): ComputeRuntime {
  const device = { kind: "cpu", index: 0 } as const;
  const runtime = startThreadRuntime({ device, precision, threads: 1, spin: false });
  after(() => runtime.close());
  return runtime;
}
