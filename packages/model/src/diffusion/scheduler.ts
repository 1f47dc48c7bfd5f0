// One denoising step as a pure function, for the two schedulers of CogVideoX.
import { ClusterError } from "@cogfleet/core";
import type { SchedulerConfig } from "../checkpoint/configs.js";
import { alphasCumprod } from "./alphas.js";
import { ddimStep } from "./ddim.js";
import { dpmStep } from "./dpm.js";
import { previousTimestep, trailingTimesteps } from "./timesteps.js";

/** What a scheduler remembers from step to step. */
export interface SolverState {
  /** `old_pred_original_sample` of DPM: the x0 predicted in the step before. Undefined before the first, and for DDIM. */
  readonly previousX0: Float32Array | undefined;
}

export interface SchedulerStep {
  /** N, as asked for; the list of timesteps may be one longer. */
  readonly numInferenceSteps: number;
  /** Which entry of the list of timesteps this step is, from 0. */
  readonly index: number;
  /** x, any shape. Not changed. */
  readonly sample: Float32Array;
  /** v, as predicted by the transformer, guidance applied; as long as the sample. Not changed. */
  readonly modelOutput: Float32Array;
  readonly solver: SolverState;
  /** Draws one tensor of normals, as long as the sample. DPM calls it once or twice a step, DDIM never. */
  readonly noise: () => Float32Array;
}

export interface SchedulerResult {
  /** x one step on. */
  readonly sample: Float32Array<ArrayBuffer>;
  /** The x0 that this step predicted. */
  readonly predictedX0: Float32Array<ArrayBuffer>;
  readonly solver: SolverState;
}

export interface Scheduler {
  readonly kind: SchedulerConfig["kind"];
  /** alphas_cumprod, float64 [num_train_timesteps]. */
  readonly alphas: Float64Array;
  /** The train timesteps of a run of N steps. `invalid_request` unless N is 1 to num_train_timesteps. */
  timesteps(numInferenceSteps: number): readonly number[];
  /** One step. Element-wise: a rank that holds some of the elements may call it on those alone. */
  step(step: SchedulerStep): SchedulerResult;
}

/** The signal's share at the timestep of a step and around it. */
export interface StepAlphas {
  readonly current: number;
  readonly previous: number;
  /** Of the timestep of the step before; undefined in the first step. */
  readonly back: number | undefined;
  /** Whether `prev_timestep` is below 0: this step leads to the end. */
  readonly last: boolean;
}

/** The scheduler that a config asks for. `unsupported`, naming every setting that is not CogVideoX's. */
export function createScheduler(config: SchedulerConfig): Scheduler {
  const unsupported = unsupportedSettings(config);
  if (unsupported.length > 0)
    throw new ClusterError("unsupported", `the scheduler's config asks for ${unsupported.join(" and ")}`);
  const { kind, numTrainTimesteps } = config;
  const alphas = alphasCumprod(config);
  const finalAlpha = config.setAlphaToOne ? 1 : (alphas[0] as number);
  const timesteps = (numInferenceSteps: number): readonly number[] =>
    trailingTimesteps(numTrainTimesteps, numInferenceSteps);

  return {
    kind,
    alphas,
    timesteps,
    step(step) {
      const list = timesteps(step.numInferenceSteps);
      const timestep = list[step.index];
      if (timestep === undefined)
        throw new ClusterError("internal", `step ${step.index} of ${list.length} timesteps`);
      requireLengths(step);
      const previous = previousTimestep(timestep, numTrainTimesteps, step.numInferenceSteps);
      // The timestep -1 is Python's last entry; a previous timestep below 0 is the end of the way.
      const alphaAt = (t: number): number => alphas.at(t) as number;
      const before = list[step.index - 1];
      const around: StepAlphas = {
        current: alphaAt(timestep),
        previous: previous >= 0 ? alphaAt(previous) : finalAlpha,
        back: step.index > 0 && before !== undefined ? alphaAt(before) : undefined,
        last: previous < 0,
      };
      return kind === "ddim" ? ddimStep(step, around) : dpmStep(step, around);
    },
  };
}

/** The settings that are not CogVideoX's and not implemented: one phrase each. */
export function unsupportedSettings(config: SchedulerConfig): readonly string[] {
  const { betaSchedule, predictionType, timestepSpacing } = config;
  return [
    ...(betaSchedule === "scaled_linear" ? [] : [`beta_schedule "${betaSchedule}" (only "scaled_linear")`]),
    ...(predictionType === "v_prediction"
      ? []
      : [`prediction_type "${predictionType}" (only "v_prediction")`]),
    ...(timestepSpacing === "trailing" ? [] : [`timestep_spacing "${timestepSpacing}" (only "trailing")`]),
  ];
}

function requireLengths({ sample, modelOutput, solver: { previousX0 } }: SchedulerStep): void {
  for (const [name, other] of Object.entries({ modelOutput, previousX0 }))
    if (other !== undefined && other.length !== sample.length)
      throw new ClusterError(
        "tensor_mismatch",
        `scheduler step: ${name} has ${other.length} values, the sample ${sample.length}`,
      );
}
