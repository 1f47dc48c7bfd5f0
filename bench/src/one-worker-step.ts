import { join } from "node:path";
import { neverAborts } from "@cogfleet/core";
import {
  createScheduler,
  denoiseStep,
  openTransformer,
  type Runtime,
  readScheduler,
  readTransformerFolder,
  startDenoise,
  TorchGenerator,
  type TransformerConfig,
} from "@cogfleet/model";

export interface OneWorkerStep {
  readonly config: TransformerConfig;
  /** What the step runs on: both branches of the guidance at the size that the config names. */
  readonly size: StepSize;
  /** Bytes of the transformer's weights as float32. */
  readonly weightBytes: number;
  /** One denoising step as a worker takes it, scheduler and guidance included. */
  step(): Promise<void>;
}

export interface StepSize {
  readonly batch: number;
  readonly videoTokens: number;
  readonly textTokens: number;
}

/** Opens the transformer of a checkpoint for denoising steps of its own size. */
export async function openOneWorkerStep(runtime: Runtime, folder: string): Promise<OneWorkerStep> {
  const { config, tensors, weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
  const { config: schedulerConfig } = await readScheduler(join(folder, "scheduler"), neverAborts);
  const transformer = await openTransformer(runtime, config, weights(), "fp32", neverAborts);
  const { sampleHeight: height, sampleWidth: width, inChannels: channels, patchSize } = config;
  const frames = Math.floor((config.sampleFrames - 1) / config.temporalCompressionRatio) + 1;
  const plan = {
    batch: 1,
    latents: { frames, channels, height, width, additionalFrames: 0 },
    numInferenceSteps: 50,
    guidanceScale: 6,
    useDynamicCfg: false,
  };
  const embeds = new Float32Array(2 * config.maxTextSeqLength * config.textEmbedDim).map(Math.sin);
  const scheduler = createScheduler(schedulerConfig);
  const start = startDenoise(plan, [TorchGenerator.seeded(1)]);
  let state = start;
  return {
    config,
    size: {
      batch: 2,
      videoTokens: (frames * height * width) / patchSize ** 2,
      textTokens: config.maxTextSeqLength,
    },
    weightBytes: [...tensors.values()].reduce(
      (sum, { dims }) => sum + 4 * dims.reduce((product, dim) => product * dim, 1),
      0,
    ),
    async step() {
      if (state.step === plan.numInferenceSteps) state = start;
      state = await denoiseStep({ transformer, scheduler }, plan, embeds, state, neverAborts);
    },
  };
}
