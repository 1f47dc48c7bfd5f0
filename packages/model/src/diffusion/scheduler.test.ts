import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import type { SchedulerConfig } from "../checkpoint/configs.js";
import { readTensors } from "../checkpoint/safetensors-file.js";
import { createScheduler, type SolverState } from "./scheduler.js";

const golden = new URL("../../../../test/fixtures/schedulers/", import.meta.url);
const tensors = await readTensors(new URL("trajectories.safetensors", golden).pathname, neverAborts);
const inputs = await readTensors(new URL("inputs.safetensors", golden).pathname, neverAborts);
const alphas = await readTensors(new URL("alphas_cumprod.safetensors", golden).pathname, neverAborts);
const timesteps = await json("timesteps.json");
const draws = await json("draws.json");
const STEPS = Object.keys(timesteps).map(Number);

const base: SchedulerConfig = {
  kind: "ddim",
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
};

async function json(name: string) {
  return JSON.parse(await readFile(new URL(name, golden), "utf8"));
}

function floats(from: typeof tensors, name: string): Float32Array {
  const tensor = from.get(name);
  assert.ok(tensor?.data instanceof Float32Array, name);
  return tensor.data;
}

describe("createScheduler", () => {
  for (const kind of ["ddim", "dpm"] as const)
    for (const shift of [1, 3])
      it(`walks every golden trajectory of ${kind}, SNR shift ${shift}, bit for bit`, () => {
        const scheduler = createScheduler({ ...base, kind, snrShiftScale: shift });
        for (const n of STEPS) {
          const name = `${kind}.shift${shift}.n${n}`;
          const v = floats(inputs, `n${n}.model_output`);
          const noise = floats(tensors, `dpm.n${n}.noise`);
          let sample = floats(inputs, `n${n}.sample`);
          let solver: SolverState = { previousX0: undefined };
          let drawn = 0;
          const perStep: number[] = [];
          const size = sample.length;
          const slice = (of: Float32Array, i: number): Float32Array => of.subarray(i * size, (i + 1) * size);
          for (const index of scheduler.timesteps(n).keys()) {
            const before = drawn;
            const result = scheduler.step({
              numInferenceSteps: n,
              index,
              sample,
              modelOutput: slice(v, index),
              solver,
              noise: () => {
                drawn += 1;
                return slice(noise, drawn - 1);
              },
            });
            perStep.push(drawn - before);
            ({ sample, solver } = result);
            assert.deepEqual(
              sample,
              slice(floats(tensors, `${name}.prev_sample`), index),
              `${name} ${index}`,
            );
            assert.deepEqual(
              result.predictedX0,
              slice(floats(tensors, `${name}.pred_original_sample`), index),
              `${name} ${index}`,
            );
          }
          assert.deepEqual(perStep, kind === "dpm" ? draws[n] : perStep.map(() => 0));
        }
      });

  it("visits the timesteps that diffusers visits, -1 at the end of 61 included", () => {
    const scheduler = createScheduler(base);
    for (const n of STEPS) assert.deepEqual(scheduler.timesteps(n), timesteps[n].timesteps);
    assert.deepEqual(scheduler.timesteps(61).slice(-2), [15, -1]);
  });

  it("has the alphas of diffusers", () => {
    for (const shift of [1, 3]) {
      const mine = createScheduler({ ...base, snrShiftScale: shift }).alphas;
      const theirs = alphas.get(`shift${shift}`)?.data;
      assert.ok(theirs instanceof Float64Array);
      // torch's square root comes from a vector library that is off by one bit now and then.
      for (const [i, a] of theirs.entries())
        assert.ok(Math.abs((mine[i] as number) - a) <= 1e-14 * a, `${i}`);
    }
  });

  it("keeps noise in the last timestep when the config does not rescale, and ends below 1 without set_alpha_to_one", () => {
    const plain = createScheduler({ ...base, rescaleBetasZeroSnr: false, setAlphaToOne: false });
    assert.ok((plain.alphas.at(-1) as number) > 0);
    const step = { numInferenceSteps: 1, index: 0, solver: { previousX0: undefined }, noise: neverDraws };
    const sample = Float32Array.of(1);
    const { sample: end } = plain.step({ ...step, sample, modelOutput: Float32Array.of(0) });
    const x0 = Math.sqrt(plain.alphas.at(-1) as number);
    assert.ok((end[0] as number) > x0, "some of the noise is left");
  });

  it("computes a part of the elements as it computes the whole", () => {
    const scheduler = createScheduler({ ...base, kind: "dpm" });
    const values = fc.float32Array({
      minLength: 8,
      maxLength: 8,
      noNaN: true,
      noDefaultInfinity: true,
      max: 10,
      min: -10,
    });
    fc.assert(
      fc.property(
        values,
        values,
        values,
        values,
        fc.nat(8),
        (sample, modelOutput, previousX0, normals, cut) => {
          const run = (from: number, to: number): Float32Array =>
            scheduler.step({
              numInferenceSteps: 10,
              index: 4,
              sample: sample.subarray(from, to),
              modelOutput: modelOutput.subarray(from, to),
              solver: { previousX0: previousX0.subarray(from, to) },
              noise: () => normals.subarray(from, to),
            }).sample;
          assert.deepEqual([...run(0, cut), ...run(cut, 8)], [...run(0, 8)]);
        },
      ),
    );
  });

  it("refuses settings that are not CogVideoX's, all of them at once", () => {
    assert.throws(
      () =>
        createScheduler({
          ...base,
          predictionType: "epsilon",
          timestepSpacing: "leading",
          betaSchedule: "linear",
        }),
      {
        code: "unsupported",
        message: /beta_schedule "linear".*prediction_type "epsilon".*timestep_spacing "leading"/,
      },
    );
  });

  it("refuses a number of steps that has no timesteps", () => {
    for (const n of [0, 1001, 2.5, Number.NaN])
      assert.throws(() => createScheduler(base).timesteps(n), {
        code: "invalid_request",
        message: /1 to 1000/,
      });
  });

  it("refuses tensors of different lengths", () => {
    const step = { numInferenceSteps: 1, index: 0, solver: { previousX0: undefined }, noise: neverDraws };
    assert.throws(
      () =>
        createScheduler(base).step({
          ...step,
          sample: new Float32Array(2),
          modelOutput: new Float32Array(3),
        }),
      { code: "tensor_mismatch", message: /modelOutput has 3/ },
    );
  });
});

function neverDraws(): never {
  assert.fail("DDIM draws no noise");
}
