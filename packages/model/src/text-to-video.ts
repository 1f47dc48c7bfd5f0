// CogVideoXPipeline on one rank, top to bottom (diffusers, pipelines/cogvideo/pipeline_cogvideox.py):
// prompt -> embeddings -> noise -> denoise steps -> scale -> VAE -> frames. The stages can be called apart, too.
import { ClusterError } from "@cogfleet/core";
import type { SchedulerConfig, TransformerConfig, VaeConfig } from "./checkpoint/configs.js";
import type { FrameSize, Transformer, VaeDecoder } from "./components.js";
import { type DenoisePlan, type DenoiseState, denoiseStep, startDenoise } from "./diffusion/denoise.js";
import { createScheduler } from "./diffusion/scheduler.js";
import { TorchGenerator } from "./diffusion/torch-generator.js";
import { isFiniteEverywhere } from "./latents/finite.js";
import { latentsToDecode, videoLatents } from "./latents/video-latents.js";
import type { ResolvedArguments } from "./request.js";
import { encodePrompts } from "./text/encode-prompts.js";
import type { PromptEncoder } from "./text/prompt-cache.js";

export interface PipelineConfig {
  readonly transformer: TransformerConfig;
  readonly vae: VaeConfig;
  readonly scheduler: SchedulerConfig;
}

/** The parts of a pipeline. Whoever opened them closes them. */
export interface TextToVideoComponents {
  readonly config: PipelineConfig;
  readonly prompts: PromptEncoder;
  readonly transformer: Pick<Transformer, "forward">;
  readonly vaeDecoder: Pick<VaeDecoder, "decode">;
}

/** What a caller wants to hear while a video is made. A promise that comes back is waited for. */
export interface TextToVideoHooks {
  onWarning?(message: string): void;
  /** A stage begins: encode and decode count no steps before they start. */
  onStage?(stage: "encode" | "denoise" | "decode", steps: number): void | Promise<void>;
  /** A step is done: `state` is all that is needed to go on from here. */
  onStep?(state: DenoiseState, steps: number): void | Promise<void>;
  /** Chunks of frames are decoded. */
  onChunk?(done: number, of: number): void;
}

/** A decoded video. */
export interface VideoSample {
  /** float32 [3, F, H, W] in about [-1, 1], as the VAE gives it. */
  readonly sample: Float32Array;
  readonly size: FrameSize;
}

/** A video, with the latents it was decoded from. */
export interface GeneratedVideo extends VideoSample {
  /** float32 [F, C, H, W], as they are after the last step. */
  readonly latents: Float32Array<ArrayBuffer>;
  readonly latentDims: readonly number[];
}

/** The plan of a request for one video, or for a `batch` of equal size. */
export function planDenoise(
  config: Pick<PipelineConfig, "transformer" | "vae">,
  args: Pick<
    ResolvedArguments,
    "numFrames" | "height" | "width" | "numInferenceSteps" | "guidanceScale" | "useDynamicCfg"
  >,
  batch = 1,
): DenoisePlan {
  const { numInferenceSteps, guidanceScale, useDynamicCfg } = args;
  return { batch, latents: videoLatents(config, args), numInferenceSteps, guidanceScale, useDynamicCfg };
}

/**
 * Decodes video `index` of the batch from the latents [B, F, C, H, W] of the last step. `numeric_error` when the frames
 * hold NaN or infinity.
 */
export async function decodeLatents(
  vaeDecoder: Pick<VaeDecoder, "decode">,
  vae: Pick<VaeConfig, "scalingFactor">,
  plan: Pick<DenoisePlan, "latents">,
  latents: Float32Array,
  options: {
    readonly index?: number;
    readonly tiling: boolean;
    readonly onChunk?: (done: number, of: number) => void;
  },
  signal: AbortSignal,
): Promise<VideoSample> {
  const { index = 0, ...decodeOptions } = options;
  const { latents: scaled, size } = latentsToDecode(latents, plan.latents, vae.scalingFactor, index);
  const video = await vaeDecoder.decode(scaled, size, decodeOptions, signal);
  if (!isFiniteEverywhere(video.sample))
    throw new ClusterError("numeric_error", "the decoded frames hold NaN or infinity");
  return video;
}

/** Makes one video. `signal` is honoured between steps, and within them as far as the components can. */
export async function textToVideo(
  { config, prompts, transformer, vaeDecoder }: TextToVideoComponents,
  args: ResolvedArguments,
  hooks: TextToVideoHooks,
  signal: AbortSignal,
): Promise<GeneratedVideo> {
  const plan = planDenoise(config, args);
  const scheduler = createScheduler({ ...config.scheduler, kind: args.scheduler });
  const steps = scheduler.timesteps(args.numInferenceSteps).length;

  await hooks.onStage?.("encode", 0);
  const { embeds, warnings } = await encodePrompts(
    prompts,
    { ...args, prompts: [args.prompt], negativePrompts: [args.negativePrompt] },
    signal,
  );
  for (const warning of warnings) hooks.onWarning?.(warning);

  await hooks.onStage?.("denoise", steps);
  let state = startDenoise(plan, [TorchGenerator.seeded(args.seed)]);
  while (state.step < steps) {
    state = await denoiseStep({ transformer, scheduler }, plan, embeds, state, signal);
    await hooks.onStep?.(state, steps);
  }

  await hooks.onStage?.("decode", 0);
  const onChunk = (done: number, of: number): void => hooks.onChunk?.(done, of);
  const options = { tiling: args.vaeTiling, onChunk };
  const video = await decodeLatents(vaeDecoder, config.vae, plan, state.latents, options, signal);
  const { frames, channels, height, width } = plan.latents;
  return { ...video, latents: state.latents, latentDims: [frames, channels, height, width] };
}
