import type {
  DenoiseState,
  GeneratedVideo,
  ModelFacts,
  ResolvedArguments,
  TextToVideoHooks,
} from "@cogfleet/model";
import type { Group, Plan } from "@cogfleet/parallel";

/** The config files of a checkpoint, as JSON. */
export interface ModelConfigTexts {
  readonly transformerJson: string;
  readonly vaeJson: string;
  readonly textEncoderJson: string;
}

/** One rank's part in a video. */
export interface VideoTask {
  readonly args: ResolvedArguments;
  readonly plan: Plan;
  /** With the other ranks of the plan. A rank that fails must leave it with the reason: the caller does. */
  readonly group: Group;
  /** Where to go on, on rank 0; undefined: from the noise. */
  readonly start: DenoiseState | undefined;
}

/** A checkpoint that is loaded and makes videos, one at a time. */
export interface VideoModel {
  readonly facts: ModelFacts;
  /**
   * The video on rank 0, undefined on the others. The signal is honoured between steps and segments: what computes then
   * computes on, and its result is dropped.
   */
  generate(
    task: VideoTask,
    hooks: TextToVideoHooks,
    signal: AbortSignal,
  ): Promise<GeneratedVideo | undefined>;
}
