// What a job costs follows from a few sizes. S tokens of the joint [text; video] sequence, D inner width, H heads.
import {
  type Area,
  decoderChain,
  decodeTiles,
  type FrameRange,
  type FrameSize,
  innerDim,
  isGuided,
  type ModelConfigs,
  type Precision,
  type ResolvedArguments,
  tileGrid,
  tilesFor,
} from "@cogfleet/model";

/** The arguments that costs depend on. */
export type JobArguments = Pick<
  ResolvedArguments,
  | "scheduler"
  | "numFrames"
  | "height"
  | "width"
  | "numInferenceSteps"
  | "guidanceScale"
  | "maxSequenceLength"
  | "vaeTiling"
>;

/** The sizes of a job. */
export interface JobShape {
  readonly configs: ModelConfigs;
  readonly args: JobArguments;
  readonly precision: Precision;
  /** Branches of the guidance: 2, or 1 where the guidance scale leaves nothing to guide. */
  readonly branches: 1 | 2;
  readonly steps: number;
  readonly layers: number;
  /** H. */
  readonly heads: number;
  /** D. */
  readonly innerDim: number;
  readonly textTokens: number;
  readonly videoTokens: number;
  /** Numbers in the latents that are denoised, of one branch. */
  readonly latentElements: number;
  /** Latents that are decoded, without the frames that only fill up a patch. */
  readonly decoded: FrameSize;
  /** Their chunks of frames. */
  readonly chunks: readonly FrameRange[];
  /** Tiles in raster order; one area that is everything, unless the job asked for tiling and is large enough for it. */
  readonly areas: readonly Area[];
  readonly isTiled: boolean;
}

/** The sizes of a job that the checkpoint's gate let through. */
export function jobShape(configs: ModelConfigs, args: JobArguments, precision: Precision): JobShape {
  const { transformer, vae } = configs;
  const scale = 2 ** (vae.blockOutChannels.length - 1);
  const [height, width] = [args.height / scale, args.width / scale];
  const frames = Math.floor((args.numFrames - 1) / vae.temporalCompressionRatio) + 1;
  const patchT = transformer.patchSizeT ?? 1;
  const patchFrames = Math.ceil(frames / patchT);
  const decoded = { frames, height, width };
  const tiles = tilesFor(args.vaeTiling, (options) => decodeTiles(vae, options), decoded);
  return {
    configs,
    args,
    precision,
    branches: isGuided(args.guidanceScale) ? 2 : 1,
    steps: args.numInferenceSteps,
    layers: transformer.numLayers,
    heads: transformer.numAttentionHeads,
    innerDim: innerDim(transformer),
    textTokens: args.maxSequenceLength,
    videoTokens: (patchFrames * height * width) / transformer.patchSize ** 2,
    latentElements: patchFrames * patchT * vae.latentChannels * height * width,
    decoded,
    chunks: decoderChain(vae).chunks(frames),
    areas: tileGrid(tiles, decoded).areas,
    isTiled: tiles !== undefined,
  };
}

/** S. */
export function jointTokens({
  textTokens,
  videoTokens,
}: Pick<JobShape, "textTokens" | "videoTokens">): number {
  return textTokens + videoTokens;
}
