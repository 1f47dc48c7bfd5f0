// How large a video's latents are, and how they go to the VAE (pipelines/cogvideo/pipeline_cogvideox.py).
// B videos, F latent frames, C channels, H W latent rows and columns.
import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig, VaeConfig } from "../checkpoint/configs.js";
import type { FrameSize } from "../components.js";

/** Latents [B, F, C, H, W] of a video. */
export interface VideoLatents extends FrameSize {
  readonly channels: number;
  /** How many of the first frames only fill up a patch in time: they are denoised, and dropped before decoding. */
  readonly additionalFrames: number;
}

/**
 * The latents of a video of `numFrames` x `height` x `width` pixels. CogVideoX 1.5 takes frames in pairs: an odd
 * number is filled up. `unsupported` for a transformer that takes an image as well.
 */
export function videoLatents(
  config: { readonly transformer: TransformerConfig; readonly vae: VaeConfig },
  video: { readonly numFrames: number; readonly height: number; readonly width: number },
): VideoLatents {
  const { transformer, vae } = config;
  if (transformer.inChannels !== vae.latentChannels)
    throw new ClusterError(
      "unsupported",
      `the transformer takes ${transformer.inChannels} channels where the VAE has ${vae.latentChannels}: ` +
        "it makes videos from an image and a text, not from text alone",
    );
  const scale = 2 ** (vae.blockOutChannels.length - 1);
  for (const [field, value, step] of [
    ["num_frames", video.numFrames, 1],
    ["height", video.height, scale],
    ["width", video.width, scale],
  ] as const)
    if (!Number.isInteger(value) || value < 1 || value % step !== 0)
      throw new ClusterError("invalid_request", `${field} must be a multiple of ${step}, got ${value}`);
  const frames = Math.floor((video.numFrames - 1) / vae.temporalCompressionRatio) + 1;
  const patch = transformer.patchSizeT ?? 1;
  const additionalFrames = (patch - (frames % patch)) % patch;
  return {
    frames: frames + additionalFrames,
    height: video.height / scale,
    width: video.width / scale,
    channels: vae.latentChannels,
    additionalFrames,
  };
}

/**
 * The latents of video `index` of the batch as the VAE decodes them: float32 [C, F, H, W] without the additional frames,
 * divided by the scaling factor (times its inverse in float32, like diffusers).
 */
export function latentsToDecode(
  latents: Float32Array,
  { frames, height, width, channels, additionalFrames }: VideoLatents,
  scalingFactor: number,
  index: number,
): { readonly latents: Float32Array<ArrayBuffer>; readonly size: FrameSize } {
  const plane = height * width;
  const kept = frames - additionalFrames;
  const scale = Math.fround(1 / scalingFactor);
  const out = new Float32Array(channels * kept * plane);
  for (let t = 0; t < kept; t++)
    for (let c = 0; c < channels; c++) {
      const from = ((index * frames + t + additionalFrames) * channels + c) * plane;
      const to = (c * kept + t) * plane;
      for (let i = 0; i < plane; i++) out[to + i] = scale * (latents[from + i] as number);
    }
  return { latents: out, size: { frames: kept, height, width } };
}
