// A fresh process that opens a checkpoint and takes a few steps: what it needs from its start on, told to the parent.
//   node step-process.js CHECKPOINT THREADS STEPS
import { readFileSync } from "node:fs";
import process from "node:process";
import { systemClock } from "@cogfleet/core";
import { startThreadRuntime } from "@cogfleet/ort";
import { openOneWorkerStep } from "./one-worker-step.js";

export interface ProcessReport {
  /** Seconds since the process began. */
  readonly loadedAt: number;
  readonly firstStepAt: number;
  /** Seconds of each step after the first. */
  readonly stepSeconds: readonly number[];
  readonly loaded: ProcessMemory;
  readonly steady: ProcessMemory;
  readonly weightBytes: number;
  readonly activationBytes: number;
}

/** Bytes, from /proc/self/status. */
export interface ProcessMemory {
  readonly anonymous: number;
  readonly peakResident: number;
}

function memory(): ProcessMemory {
  const status = readFileSync("/proc/self/status", "utf8");
  const bytes = (field: string): number =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return { anonymous: bytes("RssAnon"), peakResident: bytes("VmHWM") };
}

const [folder = "", threads = "1", steps = "3"] = process.argv.slice(2);
const secondsSinceStart = (): number => systemClock.now() / 1000;
const runtime = startThreadRuntime({
  device: { kind: "cpu", index: 0 },
  precision: "fp32",
  threads: Number(threads),
  spin: false,
});
const { config, size, weightBytes, step } = await openOneWorkerStep(runtime, folder);
const loadedAt = secondsSinceStart();
const loaded = memory();
await step();
const firstStepAt = secondsSinceStart();
const stepSeconds: number[] = [];
for (let i = 1; i < Number(steps); i++) {
  const start = secondsSinceStart();
  await step();
  stepSeconds.push(secondsSinceStart() - start);
}
// Live at once in a feed-forward: the residual stream, its hidden rows before and after GELU, four times as wide.
const rows = size.batch * (size.videoTokens + size.textTokens);
const activationBytes = 4 * 9 * rows * config.numAttentionHeads * config.attentionHeadDim;
process.send?.({
  loadedAt,
  firstStepAt,
  stepSeconds,
  loaded,
  steady: memory(),
  weightBytes,
  activationBytes,
} satisfies ProcessReport);
await runtime.close();
