// What case.json and tokens.json of a pipeline case say, and the arguments that a call leaves to the pipeline.
import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig, VaeConfig } from "@cogfleet/model";
import * as z from "zod";

const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const count = z.number().int().positive();
const atol = z.number().nonnegative();

const call = z.looseObject({
  prompt: texts,
  negative_prompt: texts.nullish(),
  height: count.nullish(),
  width: count.nullish(),
  num_frames: count.nullish(),
  num_inference_steps: count.default(50),
  guidance_scale: z.number().default(6),
  use_dynamic_cfg: z.boolean().default(false),
  max_sequence_length: count.default(226),
});
/** Arguments that CogVideoXPipeline takes and never looks at. */
const WITHOUT_EFFECT = ["num_videos_per_prompt", "eta"];

export const pipelineSchema = z.object({
  /** The checkpoint's folder, relative to the case's. */
  config: z.string(),
  runs: z
    .array(
      z.object({
        name: z.string(),
        seed: z.number().int().nonnegative(),
        call,
        output: z.string().optional(),
        uint8: z.boolean().optional(),
        keep_steps: z.array(z.number().int()).optional(),
      }),
    )
    .min(1),
  tolerance: z
    .object({
      atol,
      prompt_embeds_atol: atol.optional(),
      latents_atol: atol.optional(),
      frames_atol: atol.optional(),
    })
    .transform((given) => ({
      embeds: { atol: given.prompt_embeds_atol ?? given.atol },
      latents: { atol: given.latents_atol ?? given.atol },
      frames: { atol: given.frames_atol ?? given.atol },
    })),
});

export type PipelineRun = z.infer<typeof pipelineSchema>["runs"][number];

const ids = z.array(z.array(z.number().int()));
export const tokensSchema = z.record(
  z.string(),
  z.object({
    input_ids: ids,
    negative_input_ids: ids.nullable(),
    timesteps: z.array(z.number()),
    guidance_scales: z.array(z.number()),
    draws: z.array(z.tuple([z.string(), z.array(z.number().int().positive())])),
  }),
);

export type RunFacts = z.infer<typeof tokensSchema>[string];

/** A call of the pipeline with nothing left out. */
export interface CallArguments {
  readonly prompts: readonly string[];
  /** One for each prompt. */
  readonly negativePrompts: readonly string[];
  /** As given: one text may stand for all prompts. */
  readonly negativeTexts: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly numFrames: number;
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly useDynamicCfg: boolean;
  readonly maxSequenceLength: number;
}

/** Fills in diffusers' defaults. `unsupported` for arguments that are not implemented here. */
export function resolveCall(
  given: z.infer<typeof call>,
  transformer: TransformerConfig,
  vae: VaeConfig,
): CallArguments {
  const other = Object.keys(given).filter((name) => !(name in call.shape) && !WITHOUT_EFFECT.includes(name));
  if (other.length > 0)
    throw new ClusterError("unsupported", `calls with ${other.join(", ")} are not supported`);
  const prompts = [given.prompt].flat();
  const negativeTexts = [given.negative_prompt || ""].flat();
  const scale = 2 ** (vae.blockOutChannels.length - 1);
  return {
    prompts,
    negativeTexts,
    negativePrompts: negativeTexts.length === 1 ? prompts.map(() => negativeTexts[0] ?? "") : negativeTexts,
    height: given.height ?? transformer.sampleHeight * scale,
    width: given.width ?? transformer.sampleWidth * scale,
    numFrames: given.num_frames ?? transformer.sampleFrames,
    numInferenceSteps: given.num_inference_steps,
    guidanceScale: given.guidance_scale,
    useDynamicCfg: given.use_dynamic_cfg,
    maxSequenceLength: given.max_sequence_length,
  };
}
