// The VAE encoder's moments as latents (diffusers, models/autoencoders/vae.py DiagonalGaussianDistribution; the scaling
// is prepare_latents of pipeline_cogvideox_image2video.py). Moments are [2C, F, H, W]: mean, then logvar.
import type { VaeConfig } from "../checkpoint/configs.js";

const LOGVAR_MIN = -30;
const LOGVAR_MAX = 20;

/** The mean [C, F, H, W]: a view of the moments. */
export function posteriorMode(moments: Float32Array): Float32Array {
  return moments.subarray(0, moments.length / 2);
}

/** A draw [C, F, H, W]: mean + exp(logvar / 2) * noise. `randn(count)` gives the noise as torch.randn would. */
export function posteriorDraw(
  moments: Float32Array,
  randn: (count: number) => Float32Array,
): Float32Array<ArrayBuffer> {
  const { fround } = Math;
  const count = moments.length / 2;
  const noise = randn(count);
  return Float32Array.from(noise, (value, i) => {
    const logvar = Math.min(LOGVAR_MAX, Math.max(LOGVAR_MIN, moments[count + i] as number));
    return (moments[i] as number) + fround(fround(Math.exp(0.5 * logvar)) * value);
  });
}

/** What the transformer sees of an image: latents times the scaling factor, or divided by it where the config inverts. */
export function scaleImageLatents(
  latents: Float32Array,
  { scalingFactor, invertScaleLatents }: Pick<VaeConfig, "scalingFactor" | "invertScaleLatents">,
): Float32Array<ArrayBuffer> {
  const factor = Math.fround(invertScaleLatents ? 1 / scalingFactor : scalingFactor);
  return Float32Array.from(latents, (value) => value * factor);
}
