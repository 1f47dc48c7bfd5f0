// Arithmetic and bytes of decoding. T latent frames of a chunk, C channels, H W rows and columns.
import { type Area, decoderChain, type FrameRange, type VaeConfig } from "@cogfleet/model";

/** Rows and columns of the latents that are decoded by themselves. */
export type AreaSize = Pick<Area, "height" | "width">;

/** Floating-point operations of decoding a chunk: its 3 x 3 x 3 and 3 x 3 convolutions, which are all but 1 % of it. */
export function chunkFlops(config: VaeConfig, { from, to }: FrameRange, { height, width }: AreaSize): number {
  const pixels = height * width;
  const frames = framesByLevel(config, to - from);
  const at = (level: number): number => pixels * 4 ** level * (frames[level] as number);
  const causal = decoderChain(config).convs.reduce(
    (sum, { inChannels, outChannels, level }) => sum + 2 * 27 * inChannels * outChannels * at(level),
    0,
  );
  // An upsampler convolves before it doubles the frames (graph/vae-decoder.ts of model).
  const upsamplers = config.blockOutChannels
    .toReversed()
    .slice(0, -1)
    .reduce(
      (sum, channels, level) =>
        sum + 2 * 9 * channels ** 2 * pixels * 4 ** (level + 1) * (frames[level] as number),
      0,
    );
  return causal + upsamplers;
}

/** Numbers in the halo of each causal convolution at a boundary between chunks: its last 2 input frames. */
export function haloElements(config: VaeConfig, { height, width }: AreaSize): readonly number[] {
  return decoderChain(config).convs.map(
    ({ inChannels, level }) => 2 * inChannels * height * width * 4 ** level,
  );
}

/** Numbers that cross the cuts at the causal convolutions of a chunk, on their way out and in again: activations and skips. */
export function cutElements(
  config: VaeConfig,
  { from, to }: FrameRange,
  { height, width }: AreaSize,
): number {
  const frames = framesByLevel(config, to - from);
  return decoderChain(config).convs.reduce((sum, { inChannels, skipChannels = 0, level }) => {
    return sum + 2 * (inChannels + skipChannels) * height * width * 4 ** level * (frames[level] as number);
  }, 0);
}

/** Numbers in the frames that a chunk is decoded to. */
export function sampleElements(
  config: VaeConfig,
  { from, to }: FrameRange,
  { height, width }: AreaSize,
): number {
  const chain = decoderChain(config);
  const { channels, level } = chain.output;
  return chain.framesOut(to - from) * channels * height * width * 4 ** level;
}

/** Frames of a chunk at each level: those of odd chunks double to one fewer. */
function framesByLevel(config: VaeConfig, latentFrames: number): readonly number[] {
  const timeLevels = Math.log2(config.temporalCompressionRatio);
  const frames = [latentFrames];
  for (let level = 1; level < config.blockOutChannels.length; level++) {
    const before = frames[level - 1] as number;
    frames.push(level > timeLevels ? before : 2 * before - (before % 2));
  }
  return frames;
}
