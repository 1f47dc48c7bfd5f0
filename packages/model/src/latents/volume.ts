// Latents and videos as the VAE's callers hold them, and the pieces of them that go through a graph.
// T F frames, C channels, H W rows and columns.

/** float32 [C, F, H, W]. */
export interface Volume {
  readonly data: Float32Array;
  readonly channels: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Rows and columns of a volume: where they begin, and how far they go. */
export interface Area {
  readonly top: number;
  readonly height: number;
  readonly left: number;
  readonly width: number;
}

/** The same of some frames. */
export interface Box extends Area {
  readonly frame: number;
  readonly frames: number;
}

export function emptyVolume(size: Omit<Volume, "data">): Volume {
  return { ...size, data: new Float32Array(size.channels * size.frames * size.height * size.width) };
}

/** A copy of a box with its frames outermost, as graphs take it: [T, C, H, W]. */
export function cutBox(volume: Volume, box: Box): Float32Array<ArrayBuffer> {
  const chunk = new Float32Array(box.frames * volume.channels * box.height * box.width);
  eachRow(volume, box, (row, chunkRow) => chunk.set(volume.data.subarray(row, row + box.width), chunkRow));
  return chunk;
}

/** Writes a chunk [T, C, H, W] to its box. */
export function pasteBox(volume: Volume, box: Box, chunk: Float32Array): void {
  eachRow(volume, box, (row, chunkRow) =>
    volume.data.set(chunk.subarray(chunkRow, chunkRow + box.width), row),
  );
}

/** Visits the rows of a box: where each begins in the volume, and in the chunk [T, C, H, W]. */
function eachRow(volume: Volume, box: Box, visit: (row: number, chunkRow: number) => void): void {
  const { channels, frames, height, width } = volume;
  let chunkRow = 0;
  for (let t = 0; t < box.frames; t++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < box.height; y++) {
        visit(((c * frames + box.frame + t) * height + box.top + y) * width + box.left, chunkRow);
        chunkRow += box.width;
      }
}
