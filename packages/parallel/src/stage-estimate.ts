import type { Stage } from "@cogfleet/model";

/** What a stage is expected to take, and why. Times overlap: they need not add up to `seconds`. */
export interface StageEstimate {
  /** `load` is the change of a worker's form of the transformer. */
  readonly stage: Stage | "load";
  readonly seconds: number;
  /** Arithmetic of the slowest rank. */
  readonly computeSeconds: number;
  /** Transfers of the busiest rank, hidden under arithmetic or not. */
  readonly wireSeconds: number;
  /** Waiting for the first byte, over all exchanges. */
  readonly latencySeconds: number;
  /** Between device and host at the cuts, of the slowest rank. */
  readonly hostSeconds: number;
  /** Over the wire, by all ranks. */
  readonly bytes: number;
  readonly limit: Limit;
}

/** What to improve to make a stage faster. */
export type Limit = "compute" | "wire" | "latency" | "host" | "load";

/** Completes an estimate: the longest of its parts is its limit. */
export function stageEstimate(parts: Omit<StageEstimate, "limit">): StageEstimate {
  const { computeSeconds, wireSeconds, latencySeconds, hostSeconds } = parts;
  const longest = Math.max(computeSeconds, wireSeconds, latencySeconds, hostSeconds);
  const limit = ((): Limit => {
    if (parts.stage === "load") return "load";
    if (computeSeconds === longest) return "compute";
    if (wireSeconds === longest) return "wire";
    return hostSeconds === longest ? "host" : "latency";
  })();
  return { ...parts, limit };
}

/** An estimate of something that one rank computes alone. */
export function computeOnly(stage: StageEstimate["stage"], seconds: number): StageEstimate {
  const nothing = { wireSeconds: 0, latencySeconds: 0, hostSeconds: 0, bytes: 0 };
  return stageEstimate({ stage, seconds, computeSeconds: seconds, ...nothing });
}
