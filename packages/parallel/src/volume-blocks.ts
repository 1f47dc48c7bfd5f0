// T frames, C channels, H W rows and columns.
import type { Box, Volume } from "@cogfleet/model";
import { type Block, bytesOf } from "./block.js";

/**
 * Where a box lies in a volume [C, F, H, W], in the order [T, C, H, W] in which graphs take it and give it: what is
 * sent from, or received into, these blocks is a chunk, and needs no copy of its own.
 */
export function boxBlocks(volume: Volume, box: Box): Block[] {
  const data = bytesOf(volume.data);
  const { channels, frames, height, width } = volume;
  const element = volume.data.BYTES_PER_ELEMENT;
  const rowBytes = width * element;
  const planeBytes = height * rowBytes;
  const startOf = (frame: number, channel: number): number =>
    (channel * frames + frame) * planeBytes + box.top * rowBytes + box.left * element;
  const boxFrames = Array.from({ length: box.frames }, (_, t) => box.frame + t);
  // A frame's planes of full width are one block, one run a channel.
  if (box.width === width) {
    const runBytes = box.height * rowBytes;
    const strideBytes = frames * planeBytes;
    return boxFrames.map((frame) => ({
      data,
      start: startOf(frame, 0),
      runs: channels,
      runBytes,
      strideBytes,
    }));
  }
  const runs = { runs: box.height, runBytes: box.width * element, strideBytes: rowBytes };
  return boxFrames.flatMap((frame) =>
    Array.from({ length: channels }, (_, channel) => ({ data, start: startOf(frame, channel), ...runs })),
  );
}
