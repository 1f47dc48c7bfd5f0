import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import {
  createScheduler,
  type DenoisePlan,
  type DenoiseState,
  denoiseStep,
  type Scheduler,
  startDenoise,
  TorchGenerator,
  type TransformerConfig,
  type TransformerInput,
} from "@cogfleet/model";
import fc from "fast-check";
import { dealDenoise, dealEmbeds, dealState, gatherState } from "./denoise-deal.js";
import type { Group } from "./group.js";
import { memoryGroups } from "./memory-group.js";
import { type Plan, planSize } from "./plan.js";
import { shardedDenoiseStep } from "./sharded-denoise.js";
import type { ShardedTransformerInput } from "./sharded-transformer.js";

const TEXT_DIM = 4;
const TEXT_TOKENS = 3;

const config: TransformerConfig = {
  numAttentionHeads: 3,
  attentionHeadDim: 16,
  inChannels: 2,
  outChannels: 2,
  timeEmbedDim: 4,
  ofsEmbedDim: null,
  textEmbedDim: TEXT_DIM,
  numLayers: 1,
  attentionBias: true,
  sampleWidth: 4,
  sampleHeight: 4,
  sampleFrames: 9,
  patchSize: 2,
  patchSizeT: 2,
  temporalCompressionRatio: 4,
  maxTextSeqLength: TEXT_TOKENS,
  normEps: 1e-5,
  spatialInterpolationScale: 1,
  temporalInterpolationScale: 1,
  useRotaryPositionalEmbeddings: true,
  useLearnedPositionalEmbeddings: false,
  flipSinToCos: true,
  freqShift: 0,
};

function schedulerOf(kind: "ddim" | "dpm"): Scheduler {
  return createScheduler({
    kind,
    numTrainTimesteps: 1000,
    betaStart: 0.00085,
    betaEnd: 0.012,
    betaSchedule: "scaled_linear",
    predictionType: "v_prediction",
    timestepSpacing: "trailing",
    rescaleBetasZeroSnr: true,
    setAlphaToOne: true,
    stepsOffset: 0,
    snrShiftScale: 3,
  });
}

const denoise: DenoisePlan = {
  batch: 1,
  latents: { frames: 2, channels: 2, height: 6, width: 4, additionalFrames: 0 },
  numInferenceSteps: 3,
  guidanceScale: 6,
  useDynamicCfg: true,
};

/** A transformer without attention: a row's value follows from its own latents, and from the branch it is in. */
const predicted = (value: number, isPositive: boolean, timestep: number): number =>
  Math.sin(3 * value + timestep) * (isPositive ? 1 : 0.5);

function wholeStep(scheduler: Scheduler, plan: DenoisePlan, state: DenoiseState): Promise<DenoiseState> {
  const transformer = {
    forward: async ({ batch, hiddenStates, timestep }: TransformerInput) =>
      hiddenStates.map((value, i) =>
        predicted(value, batch === 1 || i >= hiddenStates.length / 2, timestep[0] as number),
      ),
  };
  const embeds = new Float32Array(2 * plan.batch * TEXT_TOKENS * TEXT_DIM);
  return denoiseStep({ transformer, scheduler }, plan, embeds, state, neverAborts);
}

function shardOf(isPositive: boolean) {
  return {
    forward: async (_group: Group, { batch, video, timestep }: ShardedTransformerInput) =>
      video.map((value, i) =>
        predicted(value, batch === 1 ? isPositive : i >= video.length / 2, timestep[0] as number),
      ),
  };
}

/** All steps over the ranks of a plan; the states that rank 0 gathered. */
async function shardedRun(plan: Plan, kind: "ddim" | "dpm", job: DenoisePlan): Promise<DenoiseState[]> {
  const states: DenoiseState[] = [];
  await Promise.all(
    memoryGroups(planSize(plan)).groups.map(async (group) => {
      const deal = dealDenoise(group, plan, config, job, TEXT_TOKENS);
      const first = group.rank === 0 ? startDenoise(job, [TorchGenerator.seeded(5)]) : undefined;
      let state = await dealState(deal, first, neverAborts);
      const isPositive = deal.half === 1 || job.guidanceScale <= 1;
      const deps = { transformer: shardOf(isPositive), scheduler: schedulerOf(kind) };
      for (let step = 0; step < job.numInferenceSteps; step++) {
        state = await shardedDenoiseStep(deps, deal, new Float32Array(), state, neverAborts);
        const whole = await gatherState(deal, state, neverAborts);
        if (whole !== undefined) states.push(whole);
      }
    }),
  );
  return states;
}

describe("a denoise over several ranks", () => {
  it("gives bit for bit the states of one rank, for any plan, solver and guidance", async () => {
    const cases = fc.record({
      kind: fc.constantFrom("ddim", "dpm"),
      guidanceScale: fc.constantFrom(1, 6),
      halves: fc.boolean(),
      rates: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ kind, guidanceScale, halves, rates }) => {
        const cfg = halves && guidanceScale > 1 ? 2 : 1;
        const all = Array.from({ length: cfg }, () => rates).flat();
        const plan: Plan = { cfg, context: rates.length, rates: all, vae: { kind: "serial" } };
        const job = { ...denoise, guidanceScale };
        const states = await shardedRun(plan, kind, job);
        let state = startDenoise(job, [TorchGenerator.seeded(5)]);
        for (const actual of states) {
          state = await wholeStep(schedulerOf(kind), job, state);
          assert.deepEqual(actual, state);
        }
        assert.equal(states.length, job.numInferenceSteps);
      }),
      { numRuns: 30 },
    );
  });

  it("ends with numeric_error and the step on every rank when one has a NaN", async () => {
    const plan: Plan = { cfg: 1, context: 3, rates: [1, 1, 1], vae: { kind: "serial" } };
    const outcomes = await Promise.allSettled(
      memoryGroups(3).groups.map(async (group) => {
        const deal = dealDenoise(group, plan, config, denoise, TEXT_TOKENS);
        const first = group.rank === 0 ? startDenoise(denoise, [TorchGenerator.seeded(5)]) : undefined;
        let state = await dealState(deal, first, neverAborts);
        const sound = shardOf(false);
        const broken = {
          forward: async (half: Group, input: ShardedTransformerInput) =>
            (await sound.forward(half, input)).fill(Number.NaN),
        };
        for (let step = 0; step < 3; step++) {
          const transformer = step === 1 && group.rank === 2 ? broken : sound;
          const deps = { transformer, scheduler: schedulerOf("ddim") };
          state = await shardedDenoiseStep(deps, deal, new Float32Array(), state, neverAborts);
        }
      }),
    );
    const errors = outcomes.map((o) => (o.status === "rejected" ? ClusterError.from(o.reason) : undefined));
    assert.deepEqual(
      errors.map((error) => [error?.code, error?.details["step"]]),
      Array(3).fill(["numeric_error", 2]),
    );
  });

  it("gives every rank its text rows of the branches that its half computes", async () => {
    const embeds = new Float32Array(2 * TEXT_TOKENS * TEXT_DIM).map((_, i) => i);
    for (const cfg of [1, 2] as const) {
      const plan: Plan = { cfg, context: 2, rates: Array(2 * cfg).fill(1), vae: { kind: "serial" } };
      const dealt = await Promise.all(
        memoryGroups(2 * cfg).groups.map(async (group) => {
          const deal = dealDenoise(group, plan, config, denoise, TEXT_TOKENS);
          const own = await dealEmbeds(deal, group.rank === 0 ? embeds : undefined, neverAborts);
          return { deal, own };
        }),
      );
      for (const { deal, own } of dealt) {
        const { start, count } = deal.layout.text[deal.context.rank] as { start: number; count: number };
        const branches = cfg === 1 ? [0, 1] : [deal.half];
        const expected = branches.flatMap((branch) => {
          const from = (branch * TEXT_TOKENS + start) * TEXT_DIM;
          return [...embeds.subarray(from, from + count * TEXT_DIM)];
        });
        assert.deepEqual([...own], expected);
      }
    }
  });

  it("refuses embeddings and states of another size", async () => {
    const [group] = memoryGroups(1).groups as readonly [Group];
    const plan: Plan = { cfg: 1, context: 1, rates: [1], vae: { kind: "serial" } };
    const deal = dealDenoise(group, plan, config, denoise, TEXT_TOKENS);
    await assert.rejects(dealEmbeds(deal, new Float32Array(5), neverAborts), { code: "tensor_mismatch" });
    const state = startDenoise(denoise, [TorchGenerator.seeded(5)]);
    const cut = { ...state, latents: state.latents.slice(1) };
    await assert.rejects(dealState(deal, cut, neverAborts), { code: "tensor_mismatch" });
    await assert.rejects(dealState(deal, undefined, neverAborts), { code: "internal" });
  });

  it("refuses a group that is not the plan's", () => {
    const [group] = memoryGroups(2).groups as readonly [Group];
    const plan: Plan = { cfg: 1, context: 3, rates: [1, 1, 1], vae: { kind: "serial" } };
    assert.throws(() => dealDenoise(group, plan, config, denoise, TEXT_TOKENS), { code: "internal" });
  });
});
