import { ClusterError } from "@cogfleet/core";
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

/** Reads "cpu", "cuda", "cuda:1" or "webgpu". `invalid_config` names the value and the rule. */
export function parseDevice(text: string): Device {
  const card = /^cuda(?::(\d{1,2}))?$/.exec(text);
  if (card !== null) return { kind: "cuda", index: Number(card[1] ?? 0) };
  if (text === "cpu" || text === "webgpu") return { kind: text, index: 0 };
  throw new ClusterError("invalid_config", `device must be cpu, cuda, cuda:INDEX or webgpu, got "${text}"`);
}

/** The name of a device, as `parseDevice` reads it: "cpu", "cuda:0" or "webgpu". */
export function deviceName(device: Device): string {
  return device.kind === "cuda" ? `cuda:${device.index}` : device.kind;
}
