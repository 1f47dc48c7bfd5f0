import type { ModelFacts } from "../request.js";
import type { SchedulerConfig, TransformerConfig } from "./configs.js";

/** Pixels of a latent row times latent rows of a patch: heights and widths are multiples of it. */
export const SIZE_STEP = 16;
/** Beyond the size of any trained model: a bound for requests, not a promise of memory. */
export const MAX_SIDE = 4096;
/** 8 x 128 + 1: over two minutes at 8 frames a second. */
export const MAX_NUM_FRAMES = 1025;

const PIXELS_PER_LATENT = 8;

/** What users may ask of a checkpoint, from its configs. */
export function modelFacts(checkpoint: {
  readonly name: string;
  readonly digest: string;
  readonly isImageToVideo: boolean;
  readonly transformer: TransformerConfig;
  readonly scheduler: SchedulerConfig;
}): ModelFacts {
  const { name, digest, isImageToVideo, transformer, scheduler } = checkpoint;
  const is15 = transformer.patchSizeT !== null;
  const height = limits(transformer, transformer.sampleHeight);
  const width = limits(transformer, transformer.sampleWidth);
  return {
    name,
    digest,
    variant: `${isImageToVideo ? "i2v-" : ""}${is15 ? "1.5" : "1.0"}`,
    minHeight: height.min,
    maxHeight: height.max,
    minWidth: width.min,
    maxWidth: width.max,
    maxNumFrames: MAX_NUM_FRAMES,
    defaultScheduler: scheduler.kind,
    defaultHeight: height.usual,
    defaultWidth: width.usual,
    defaultNumFrames: Math.min(MAX_NUM_FRAMES, 8 * Math.floor((transformer.sampleFrames - 1) / 8) + 1),
    defaultFps: is15 ? 16 : 8,
    maxTextSeqLength: transformer.maxTextSeqLength,
    // Sincos and learned positions are one tensor, added to the text and the video together.
    fixedSequenceLength:
      !transformer.useRotaryPositionalEmbeddings || transformer.useLearnedPositionalEmbeddings,
  };
}

// 1.0 computes its positions for any size. 1.5 cuts them out of the native grid ("slice"), so no size is larger; learned
// positions are stored for the native size alone.
function limits(transformer: TransformerConfig, sample: number): { min: number; max: number; usual: number } {
  const native = Math.max(SIZE_STEP, SIZE_STEP * Math.floor((sample * PIXELS_PER_LATENT) / SIZE_STEP));
  if (transformer.useLearnedPositionalEmbeddings) return { min: native, max: native, usual: native };
  const max = transformer.patchSizeT === null ? MAX_SIDE : Math.min(native, MAX_SIDE);
  return { min: SIZE_STEP, max, usual: Math.min(native, max) };
}
