// The denoising loop of pipelines/cogvideo/pipeline_cogvideox.py, one step at a time: what happens between two steps
// (progress, cancelling, a checkpoint, another worker) is the caller's business.
// B videos, F latent frames, C channels, H W latent rows and columns, L text tokens, N steps.
import { ClusterError } from "@cogfleet/core";
import type { Transformer } from "../components.js";
import { isFiniteEverywhere } from "../latents/finite.js";
import type { VideoLatents } from "../latents/video-latents.js";
import { guidanceAt, guide, isGuided } from "./guidance.js";
import { randnTensor } from "./noise.js";
import type { Scheduler, SolverState } from "./scheduler.js";
import { type GeneratorState, TorchGenerator } from "./torch-generator.js";

/** What stays the same from the first step of a job to the last. */
export interface DenoisePlan {
  readonly batch: number;
  readonly latents: VideoLatents;
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly useDynamicCfg: boolean;
}

/**
 * All that a job is at a step boundary, in plain data: a copy of it (`structuredClone`, or from a file) goes on with
 * the same numbers on any worker. Nothing in it is ever changed in place.
 */
export interface DenoiseState {
  /** Steps done, 0 to the number of timesteps. */
  readonly step: number;
  /** float32 [B, F, C, H, W]. */
  readonly latents: Float32Array<ArrayBuffer>;
  readonly solver: SolverState;
  /** One for the whole batch, or one for each video. */
  readonly generators: readonly GeneratorState[];
}

export interface DenoiseDeps {
  readonly transformer: Pick<Transformer, "forward">;
  readonly scheduler: Scheduler;
}

/** The state before the first step: noise, from one generator for the whole batch or one for each video. */
export function startDenoise(plan: DenoisePlan, generators: readonly TorchGenerator[]): DenoiseState {
  return {
    step: 0,
    latents: randnTensor(generators, latentDims(plan)),
    solver: { previousX0: undefined },
    generators: generators.map((generator) => generator.state()),
  };
}

/**
 * The state one step on. `embeds` is float32 [2B, L, D] (negative, then positive), or [B, L, D] without guidance.
 * `numeric_error`, naming the step (counted from 1), when the new latents hold NaN or infinity.
 */
export async function denoiseStep(
  { transformer, scheduler }: DenoiseDeps,
  plan: DenoisePlan,
  embeds: Float32Array,
  state: DenoiseState,
  signal: AbortSignal,
): Promise<DenoiseState> {
  signal.throwIfAborted();
  const { numInferenceSteps } = plan;
  const timesteps = scheduler.timesteps(numInferenceSteps);
  const timestep = timesteps[state.step];
  if (timestep === undefined)
    throw new ClusterError("internal", `step ${state.step + 1} of ${timesteps.length}`);

  const modelOutput = await predict(transformer, plan, embeds, state.latents, timestep, signal);
  const generators = state.generators.map((generator) => TorchGenerator.resumed(generator));
  const { sample, solver } = scheduler.step({
    numInferenceSteps,
    index: state.step,
    sample: state.latents,
    modelOutput,
    solver: state.solver,
    noise: () => randnTensor(generators, latentDims(plan)),
  });
  const step = state.step + 1;
  if (!isFiniteEverywhere(sample))
    throw new ClusterError(
      "numeric_error",
      `the latents hold NaN or infinity after step ${step} of ${timesteps.length}`,
      { details: { step } },
    );
  return { step, latents: sample, solver, generators: generators.map((generator) => generator.state()) };
}

/** v for the latents, float32 [B, F, C, H, W]: both branches of the guidance in one forward pass. */
async function predict(
  transformer: Pick<Transformer, "forward">,
  plan: DenoisePlan,
  embeds: Float32Array,
  latents: Float32Array,
  timestep: number,
  signal: AbortSignal,
): Promise<Float32Array> {
  const guided = isGuided(plan.guidanceScale);
  const { frames, height, width } = plan.latents;
  const batch = guided ? 2 * plan.batch : plan.batch;
  const hiddenStates = new Float32Array(latents.length * (guided ? 2 : 1));
  hiddenStates.set(latents);
  if (guided) hiddenStates.set(latents, latents.length);
  const output = await transformer.forward(
    {
      batch,
      frames,
      height,
      width,
      hiddenStates,
      encoderHiddenStates: embeds,
      timestep: new Array<number>(batch).fill(timestep),
    },
    signal,
  );
  if (!guided) return output;
  return guide(
    output.subarray(0, latents.length),
    output.subarray(latents.length),
    guidanceAt({ ...plan, timestep }),
  );
}

function latentDims({ batch, latents: { frames, channels, height, width } }: DenoisePlan): readonly number[] {
  return [batch, frames, channels, height, width];
}
