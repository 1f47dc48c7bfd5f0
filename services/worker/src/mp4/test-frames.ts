import type { VideoSample } from "@cogfleet/model";
import type { Pixels } from "./video.js";

/** A white square on a ground of slow colours, moving: edges, gradients and motion without any file. */
export function movingSquare(frames: number, height: number, width: number): Pixels {
  const data = new Uint8Array(frames * height * width * 3);
  let at = 0;
  for (let f = 0; f < frames; f++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 3) {
        const isSquare = Math.abs(x - ((4 * f) % width)) < 8 && Math.abs(y - height / 2) < 8;
        data[at] = isSquare ? 255 : (200 * x) / width;
        data[at + 1] = isSquare ? 255 : (160 * y) / height;
        data[at + 2] = isSquare ? 255 : 90;
      }
    }
  }
  return { data, frames, height, width };
}

/** Frames of one colour. */
export function solid(rgb: readonly [number, number, number], frames: number, side: number): Pixels {
  const data = new Uint8Array(frames * side * side * 3);
  for (let i = 0; i < data.length; i++) data[i] = rgb[i % 3] as number;
  return { data, frames, height: side, width: side };
}

/** What a VAE would have given for these pixels: float32 [3, F, H, W] in [-1, 1]. */
export function sampleOf({ data, frames, height, width }: Pixels): VideoSample {
  const plane = frames * height * width;
  const sample = new Float32Array(3 * plane);
  for (const [i, value] of data.entries()) sample[(i % 3) * plane + Math.floor(i / 3)] = value / 127.5 - 1;
  return { sample, size: { frames, height, width } };
}
