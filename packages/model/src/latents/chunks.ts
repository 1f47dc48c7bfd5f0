// How the VAE cuts time into chunks, and how many frames come out (diffusers, AutoencoderKLCogVideoX._encode, _decode).
// The convolution caches go from chunk to chunk, but each chunk has its own norms: other chunks give other numbers.

/** A run of frames, `to` not included. */
export interface FrameRange {
  readonly from: number;
  readonly to: number;
}

const LATENT_FRAMES = 2; // num_latent_frames_batch_size
const SAMPLE_FRAMES = 8; // num_sample_frames_batch_size

/** Chunks of latent frames to decode: 2 at a time, 3 in the first of an odd number. */
export function decodeChunks(latentFrames: number): readonly FrameRange[] {
  return chunks(latentFrames, LATENT_FRAMES);
}

/** Chunks of frames to encode: 8 at a time, up to 15 in the first. */
export function encodeChunks(frames: number): readonly FrameRange[] {
  return chunks(frames, SAMPLE_FRAMES);
}

/** What is left over goes into the first chunk. */
function chunks(frames: number, size: number): readonly FrameRange[] {
  const count = Math.max(Math.floor(frames / size), 1);
  const first = frames - (count - 1) * size;
  return Array.from({ length: count }, (_, i) => ({
    from: i === 0 ? 0 : first + (i - 1) * size,
    to: first + i * size,
  }));
}

/** Frames that a chunk of latent frames is decoded to: with ratio 4, four times as many, 3 fewer for an odd number. */
export function chunkDecodedFrames(latentFrames: number, temporalCompressionRatio: number): number {
  let frames = latentFrames;
  for (let ratio = temporalCompressionRatio; ratio > 1; ratio /= 2) frames = 2 * frames - (frames % 2);
  return frames;
}

/** Latent frames that a chunk of frames is encoded to. */
export function chunkEncodedFrames(frames: number, temporalCompressionRatio: number): number {
  let latentFrames = frames;
  for (let ratio = temporalCompressionRatio; ratio > 1; ratio /= 2)
    latentFrames = Math.ceil(latentFrames / 2);
  return latentFrames;
}
