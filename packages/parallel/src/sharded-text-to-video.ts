// A video made by the ranks of a plan, top to bottom: textToVideo of model, with every stage dealt over the ranks.
import { ClusterError } from "@cogfleet/core";
import {
  createScheduler,
  type DenoiseState,
  encodePrompts,
  type FrameSize,
  type GeneratedVideo,
  isFiniteEverywhere,
  latentsToDecode,
  type PipelineConfig,
  type PromptEncoder,
  planDenoise,
  type ResolvedArguments,
  startDenoise,
  type TextToVideoHooks,
  TorchGenerator,
  type VideoSample,
} from "@cogfleet/model";
import { type DenoiseDeal, dealDenoise, dealEmbeds, dealState, gatherState } from "./denoise-deal.js";
import type { Group } from "./group.js";
import type { Plan, VaePlan } from "./plan.js";
import { shardedDenoiseStep } from "./sharded-denoise.js";
import type { ShardedTransformer } from "./sharded-transformer.js";

/**
 * Decodes over all ranks of a group. `latents` float32 [C, F, H, W], divided by the scaling factor, are given at rank
 * 0 and undefined elsewhere; so is the sample that comes back.
 */
export type ShardedDecode = (
  group: Group,
  plan: VaePlan,
  latents: Float32Array<ArrayBuffer> | undefined,
  size: FrameSize,
  options: { readonly tiling: boolean; readonly onChunk?: (done: number, of: number) => void },
  signal: AbortSignal,
) => Promise<VideoSample | undefined>;

/** The parts of a pipeline on one rank. Whoever opened them closes them. */
export interface ShardedComponents {
  readonly config: PipelineConfig;
  /** Asked on rank 0 only. */
  readonly prompts: PromptEncoder;
  /** Segments; or the whole transformer (`unsharded`) where the plan has no context parallelism. */
  readonly transformer: Pick<ShardedTransformer, "forward">;
  readonly decode: ShardedDecode;
}

/**
 * Makes one video over the ranks of `plan`, which all call it with the same arguments. Rank 0 encodes the prompts, is
 * told of every step with the whole state, and gets the video; the others get undefined. `start`, read on rank 0, is a
 * state to go on from. A rank that throws must leave the group with the reason, so that the others end, too.
 */
export async function shardedTextToVideo(
  components: ShardedComponents,
  group: Group,
  plan: Plan,
  args: ResolvedArguments,
  start: DenoiseState | undefined,
  hooks: TextToVideoHooks,
  signal: AbortSignal,
): Promise<GeneratedVideo | undefined> {
  const { config, prompts, transformer, decode } = components;
  const denoise = planDenoise(config, args);
  const scheduler = createScheduler({ ...config.scheduler, kind: args.scheduler });
  const steps = scheduler.timesteps(args.numInferenceSteps).length;
  const deal = dealDenoise(group, plan, config.transformer, denoise, args.maxSequenceLength);

  await hooks.onStage?.("encode", 0);
  const embeds = await dealEmbeds(deal, await encoded(prompts, deal, args, hooks, signal), signal);

  await hooks.onStage?.("denoise", steps);
  const first = start ?? startDenoise(denoise, [TorchGenerator.seeded(args.seed)]);
  let whole = group.rank === 0 ? first : undefined;
  let state = await dealState(deal, whole, signal);
  while (state.step < steps) {
    state = await shardedDenoiseStep({ transformer, scheduler }, deal, embeds, state, signal);
    whole = await gatherState(deal, state, signal);
    if (whole !== undefined) await hooks.onStep?.(whole, steps);
  }

  await hooks.onStage?.("decode", 0);
  const onChunk = (done: number, of: number): void => hooks.onChunk?.(done, of);
  const { frames, channels, height, width, additionalFrames } = denoise.latents;
  const size = { frames: frames - additionalFrames, height, width };
  const scaled =
    whole && latentsToDecode(whole.latents, denoise.latents, config.vae.scalingFactor, 0).latents;
  const video = await decode(group, plan.vae, scaled, size, { tiling: args.vaeTiling, onChunk }, signal);
  if (whole === undefined) return undefined;
  if (video === undefined) throw new ClusterError("internal", "rank 0 was given no video");
  if (!isFiniteEverywhere(video.sample))
    throw new ClusterError("numeric_error", "the decoded frames hold NaN or infinity");
  return { ...video, latents: whole.latents, latentDims: [frames, channels, height, width] };
}

/** The embeddings, at rank 0: only there is a text encoder needed. */
async function encoded(
  prompts: PromptEncoder,
  { group }: DenoiseDeal,
  args: ResolvedArguments,
  hooks: TextToVideoHooks,
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  if (group.rank !== 0) return undefined;
  const request = { ...args, prompts: [args.prompt], negativePrompts: [args.negativePrompt] };
  const { embeds, warnings } = await encodePrompts(prompts, request, signal);
  for (const warning of warnings) hooks.onWarning?.(warning);
  return embeds;
}
