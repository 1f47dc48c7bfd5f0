// What the VAE decoder gives, as pictures (diffusers, image_processor.py denormalize and numpy_to_pil, video_processor.py).
// F frames, H W rows and columns, 3 channels: red, green, blue.
import type { FrameSize } from "../components.js";
import { roundHalfEven } from "../half-even.js";

const CHANNELS = 3;

/** Sample [3, F, H, W] in about [-1, 1] to frames [F, H, W, 3] in [0, 1]: `output_type="np"`. NaN stays NaN. */
export function toFrames(sample: Float32Array, size: FrameSize): Float32Array<ArrayBuffer> {
  const frames = new Float32Array(sample.length);
  eachPixel(size, (from, to) => {
    frames[to] = Math.min(1, Math.max(0, (sample[from] as number) * 0.5 + 0.5));
  });
  return frames;
}

/** The same in 0 to 255, rounded half to even as `output_type="pil"` does. `sample` has no NaN. */
export function toPixels(sample: Float32Array, size: FrameSize): Uint8Array<ArrayBuffer> {
  const { fround } = Math;
  const pixels = new Uint8Array(sample.length);
  eachPixel(size, (from, to) => {
    const value = Math.min(1, Math.max(0, fround((sample[from] as number) * 0.5 + 0.5)));
    pixels[to] = roundHalfEven(fround(value * 255)); // numpy keeps float32
  });
  return pixels;
}

function eachPixel({ frames, height, width }: FrameSize, visit: (from: number, to: number) => void): void {
  const plane = height * width;
  for (let f = 0; f < frames; f++)
    for (let c = 0; c < CHANNELS; c++)
      for (let i = 0; i < plane; i++) visit((c * frames + f) * plane + i, (f * plane + i) * CHANNELS + c);
}
