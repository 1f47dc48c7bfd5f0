import {
  createScheduler,
  floatsOf,
  guidanceAt,
  parseSchedulerConfig,
  previousTimestep,
  randn,
  type Scheduler,
  type SolverState,
  TorchGenerator,
} from "@cogfleet/model";
import * as z from "zod";
import type { CaseContext, CaseRunner } from "./case-runner.js";
import { claim, compareValues, EXACT, numbersOf, type Tolerance } from "./compare.js";
import { type GoldenTensors, tolerance } from "./golden-case.js";

const CLASSES = { ddim: "CogVideoXDDIMScheduler", dpm: "CogVideoXDPMScheduler" } as const;

const schema = z.object({
  config: z.looseObject({
    num_train_timesteps: z.number().int(),
    snr_shift_scale: z.array(z.number()).min(1),
  }),
  steps: z.array(z.number().int()).min(1),
  dpm_generator_seed: z.number().int().nonnegative(),
  dynamic_cfg_requests: z.array(z.unknown()).default([]),
  tolerance,
});
const timestepsSchema = z.record(
  z.string(),
  z.object({ timesteps: z.array(z.number()), prev_timesteps: z.array(z.number()) }),
);
const drawsSchema = z.record(z.string(), z.array(z.number()));
const guidanceSchema = z.array(
  z.object({ steps: z.number().int(), guidance_scale: z.number(), guidance_at: z.array(z.number()) }),
);

/** Math.cos may be off by one in the last place, and its argument is large. */
const GUIDANCE: Tolerance = { atol: 1e-8 };

/** The schedulers: timesteps, alphas, dynamic guidance, noise and whole trajectories. */
export const schedulersCase: CaseRunner = async (context, signal) => {
  const { golden, check } = context;
  const {
    config,
    steps,
    dpm_generator_seed: seed,
    dynamic_cfg_requests: listed,
    tolerance: atol,
  } = golden.parse(schema);
  const inputs = await golden.inputs("inputs.safetensors", signal);
  const alphas = await golden.expected("alphas_cumprod.safetensors", signal);
  const trajectories = await golden.expected("trajectories.safetensors", signal);
  const timesteps = await golden.readJson("timesteps.json", timestepsSchema);
  const draws = await golden.readJson("draws.json", drawsSchema);

  for (const shift of config.snr_shift_scale)
    for (const kind of ["ddim", "dpm"] as const) {
      const json = { ...config, snr_shift_scale: shift, _class_name: CLASSES[kind] };
      const scheduler = createScheduler(parseSchedulerConfig(golden.path("case.json"), json));
      if (kind === "ddim") {
        const expected = numbersOf(alphas.get(`shift${shift}`));
        check(compareValues(`alphas_cumprod.shift${shift}`, scheduler.alphas, expected, atol));
      }
      for (const n of steps) {
        signal.throwIfAborted();
        const name = `${kind}.shift${shift}.n${n}`;
        checkTrajectory(context, {
          scheduler,
          name,
          n,
          seed,
          atol,
          inputs,
          trajectories,
          draws: draws[n] ?? [],
        });
      }
    }

  const base = { ...config, snr_shift_scale: config.snr_shift_scale[0], _class_name: CLASSES.ddim };
  const scheduler = createScheduler(parseSchedulerConfig(golden.path("case.json"), base));
  for (const n of steps) {
    const list = scheduler.timesteps(n);
    const previous = list.map((t) => previousTimestep(t, config.num_train_timesteps, n));
    check(compareValues(`timesteps.n${n}`, list, timesteps[n]?.timesteps ?? [], EXACT));
    check(compareValues(`prev_timesteps.n${n}`, previous, timesteps[n]?.prev_timesteps ?? [], EXACT));
  }
  const requests = await golden.readJson("dynamic_cfg.json", guidanceSchema);
  const problem = `dynamic_cfg.json has ${requests.length} requests, case.json lists ${listed.length}`;
  check(claim("dynamic_cfg.count", requests.length >= listed.length, problem));
  for (const request of requests) {
    const { steps: numInferenceSteps, guidance_scale: guidanceScale } = request;
    const scales = scheduler
      .timesteps(numInferenceSteps)
      .map((timestep) => guidanceAt({ guidanceScale, useDynamicCfg: true, numInferenceSteps, timestep }));
    const name = `dynamic_cfg.n${numInferenceSteps}.g${guidanceScale}`;
    check(compareValues(name, scales, request.guidance_at, GUIDANCE));
  }
};

/** Walks one trajectory on the noise that diffusers drew; our own draws are compared beside it. */
function checkTrajectory(
  { check }: CaseContext,
  run: {
    readonly scheduler: Scheduler;
    readonly name: string;
    readonly n: number;
    readonly seed: number;
    readonly atol: Tolerance;
    readonly inputs: GoldenTensors;
    readonly trajectories: GoldenTensors;
    readonly draws: readonly number[];
  },
): void {
  const { scheduler, name, n, atol, trajectories } = run;
  const modelOutputs = floatsOf(run.inputs.get(`n${n}.model_output`));
  let sample = floatsOf(run.inputs.get(`n${n}.sample`));
  const size = sample.length;
  const slice = (of: Float32Array, i: number): Float32Array => of.slice(i * size, (i + 1) * size);
  const golden = scheduler.kind === "dpm" ? floatsOf(trajectories.get(`dpm.n${n}.noise`)) : undefined;
  const generator = TorchGenerator.seeded(run.seed);
  const noise: Float32Array[] = [];
  const samples: Float32Array[] = [];
  const predicted: Float32Array[] = [];
  const draws: number[] = [];
  let solver: SolverState = { previousX0: undefined };
  for (const index of scheduler.timesteps(n).keys()) {
    const before = noise.length;
    const result = scheduler.step({
      numInferenceSteps: n,
      index,
      sample,
      modelOutput: slice(modelOutputs, index),
      solver,
      noise: () => {
        const drawn = randn(generator, size);
        noise.push(drawn);
        return golden === undefined ? drawn : slice(golden, noise.length - 1);
      },
    });
    ({ sample, solver } = result);
    samples.push(sample);
    predicted.push(result.predictedX0);
    draws.push(noise.length - before);
  }
  const compare = (what: string, actual: readonly Float32Array[]): void =>
    check(
      compareValues(
        `${name}.${what}`,
        concatenated(actual),
        numbersOf(trajectories.get(`${name}.${what}`)),
        atol,
      ),
    );
  compare("prev_sample", samples);
  compare("pred_original_sample", predicted);
  if (golden !== undefined) {
    check(compareValues(`${name}.noise`, concatenated(noise), golden, atol));
    check(compareValues(`${name}.draws`, draws, run.draws, EXACT));
  }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const size = parts[0]?.length ?? 0;
  const whole = new Float32Array(parts.length * size);
  for (const [i, part] of parts.entries()) whole.set(part, i * size);
  return whole;
}
