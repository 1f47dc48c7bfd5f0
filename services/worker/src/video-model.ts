import type { GeneratedVideo, ModelFacts, ResolvedArguments, TextToVideoHooks } from "@cogfleet/model";

/** A checkpoint that is loaded and makes videos, one at a time. */
export interface VideoModel {
  readonly facts: ModelFacts;
  /** The signal is honoured between steps and segments: what computes then computes on, and its result is dropped. */
  generate(args: ResolvedArguments, hooks: TextToVideoHooks, signal: AbortSignal): Promise<GeneratedVideo>;
}
