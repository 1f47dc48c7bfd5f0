import h264 from "h264-mp4-encoder";
import type { Encoded, Pixels } from "./video.js";
import { colourMatrixFor, rgbToYuv420 } from "./yuv.js";

// 10 best to 51. PSNR of the demo's frames and file sizes by quantizer: docs/log.md.
const QUANTIZER = 16;

/** H.264 (baseline) by minih264 in WebAssembly: nothing to install, the same bytes on every machine. */
export async function encodeWithWasm(video: Pixels, fps: number): Promise<Encoded> {
  const { data, frames, height, width } = video;
  const matrix = colourMatrixFor(height);
  const encoder = await h264.createH264MP4Encoder();
  try {
    encoder.width = width;
    encoder.height = height;
    encoder.frameRate = fps;
    encoder.quantizationParameter = QUANTIZER;
    encoder.speed = 0;
    encoder.groupOfPictures = 2 * fps; // seeking lands within two seconds
    encoder.initialize();
    const bytes = height * width * 3;
    for (let f = 0; f < frames; f++)
      encoder.addFrameYuv(rgbToYuv420(data.subarray(f * bytes, (f + 1) * bytes), height, width, matrix));
    encoder.finalize();
    return { mp4: encoder.FS.readFile(encoder.outputFilename).slice(), matrix };
  } finally {
    encoder.delete();
  }
}
