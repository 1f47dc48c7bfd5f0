import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { configsOf, openCheckpoint, type ResolvedArguments } from "@cogfleet/model";
import { ONE_RANK } from "@cogfleet/parallel";
import { requireMemory } from "./memory-gate.js";

const demo = fileURLToPath(new URL("../../../models/demo", import.meta.url));
const MACHINE = 24e9;

async function refusal(
  size: { numFrames: number; height: number; width: number },
  plan = ONE_RANK,
  rank = 0,
): Promise<unknown> {
  const configs = configsOf(await openCheckpoint(demo, neverAborts));
  const args: ResolvedArguments = {
    prompt: "a red circle",
    negativePrompt: "",
    seed: 0,
    numInferenceSteps: 1,
    guidanceScale: 2,
    useDynamicCfg: false,
    scheduler: "ddim",
    fps: 8,
    maxSequenceLength: 32,
    vaeTiling: false,
    ...size,
  };
  try {
    requireMemory(configs, args, { precision: "fp32", plan, rank }, MACHINE);
    return undefined;
  } catch (reason) {
    return reason;
  }
}

describe("the memory gate", () => {
  it("lets through what fits", async () => {
    assert.equal(await refusal({ numFrames: 17, height: 64, width: 64 }), undefined);
    assert.equal(await refusal({ numFrames: 49, height: 480, width: 720 }), undefined);
  });

  it("refuses what is larger than the machine, naming stage and sizes", async () => {
    const reason = await refusal({ numFrames: 1025, height: 4096, width: 4096 });
    assert.ok(reason instanceof Error);
    assert.match(
      reason.message,
      /^denoise of 1025 frames at 4096x4096 takes about \d+\.\d GB, and this worker has 24\.0 GB: ask for/,
    );
  });

  it("asks of a rank for its own part only", async () => {
    const size = { numFrames: 49, height: 2048, width: 2048 };
    const plan = { ...ONE_RANK, context: 2, rates: [1, 1] };
    const reason = await refusal(size, plan, 0);
    assert.ok(reason instanceof Error);
    assert.match(reason.message, /^decode of 49 frames/);
    assert.equal(await refusal(size, plan, 1), undefined);
  });
});
