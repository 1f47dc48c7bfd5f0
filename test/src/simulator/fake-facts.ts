import type { WorkerFacts } from "@cogfleet/coordinator/testing/domain.js";
import { type ModelFacts, parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";

/** A model that needs no checkpoint. */
export const MODEL: ModelFacts = {
  name: "demo",
  digest: "d".repeat(64),
  variant: "1.0",
  minHeight: 16,
  maxHeight: 64,
  minWidth: 16,
  maxWidth: 64,
  maxNumFrames: 17,
  defaultScheduler: "ddim",
  defaultHeight: 16,
  defaultWidth: 16,
  defaultNumFrames: 1,
  defaultFps: 8,
  maxTextSeqLength: 16,
  fixedSequenceLength: false,
};

const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};

/** What a worker says of itself. */
export function workerFacts(id: string, host: string, canShare: boolean): WorkerFacts {
  return {
    id,
    device: "cpu",
    precision: "fp32",
    threads: 1,
    models: [MODEL],
    hostname: host,
    pid: 1,
    version: "0.1.0",
    exchangeAddress: canShare ? host : "",
    configs: canShare ? new Map([[MODEL.name, CONFIGS]]) : new Map(),
    flopsPerSecond: 1e12,
    memoryBytes: 1e12,
    transformerForm: undefined,
  };
}
