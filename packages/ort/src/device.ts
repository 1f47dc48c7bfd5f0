import type { Precision } from "@cogfleet/model";

/** What a runtime computes on. */
export interface Device {
  readonly kind: "cpu" | "cuda" | "webgpu";
  /** Which card; 0 for cpu and webgpu. */
  readonly index: number;
}

export interface RuntimeOptions {
  readonly device: Device;
  readonly precision: Precision;
  /** Threads of one run, at least 1. */
  readonly threads: number;
  /** Whether idle threads spin for work: only when nothing else wants the cores. */
  readonly spin: boolean;
}
