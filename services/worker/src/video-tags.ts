import type { ResolvedArguments } from "@cogfleet/model";
import type { VideoTags } from "./mp4/video.js";

/** Prompt as the title; in the comment all that is needed to make the video again. Nothing of the job or the time. */
export function videoTags(args: ResolvedArguments, model: string): VideoTags {
  const { seed, numInferenceSteps, guidanceScale, useDynamicCfg, scheduler, negativePrompt } = args;
  const settings = {
    seed,
    num_inference_steps: numInferenceSteps,
    guidance_scale: guidanceScale,
    use_dynamic_cfg: useDynamicCfg,
    scheduler,
    model,
    ...(negativePrompt === "" ? {} : { negative_prompt: negativePrompt }),
  };
  const comment = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return { title: args.prompt, comment: comment.join(", ") };
}
