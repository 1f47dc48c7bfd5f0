// Shapes: F frames. A tensor [B, C, F, H, W] is `planes` = B C planes of `frames` frames of `frameBytes` = H W elements.
import { ClusterError } from "@cogfleet/core";
import { type Block, whole } from "./block.js";
import type { Group } from "./group.js";
import { together } from "./together.js";

export interface HaloShape {
  readonly planes: number;
  readonly frameBytes: number;
  /** Frames that a causal convolution looks back: 2 for kernels of 3. */
  readonly haloFrames: number;
}

/** Where the halo comes from and goes to; undefined at the ends of the chain. */
export interface HaloNeighbours {
  readonly previous: number | undefined;
  readonly next: number | undefined;
}

/**
 * Passes the last frames of this rank's input of a causal convolution to the rank that computes the frames after, and
 * takes those of the rank before. Lock-step: both move beside each other.
 *
 *   in   [planes, F, frame], F ≥ haloFrames   lent until the promise settles
 *   out  [planes, haloFrames, frame]: the previous rank's last frames; undefined for the first of the chain
 */
export async function passHalo(
  group: Group,
  input: Uint8Array,
  shape: HaloShape,
  neighbours: HaloNeighbours,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { previous, next } = neighbours;
  const halo =
    previous === undefined ? undefined : new Uint8Array(shape.planes * shape.haloFrames * shape.frameBytes);
  const tail = next === undefined ? undefined : lastFrames(input, shape);
  await together(
    [
      ...(next !== undefined && tail !== undefined
        ? [(part: AbortSignal) => group.send(next, tag, [tail], part)]
        : []),
      ...(previous !== undefined && halo !== undefined
        ? [(part: AbortSignal) => group.recv(previous, tag, [whole(halo)], part)]
        : []),
    ],
    signal,
  );
  return halo;
}

/** The last `haloFrames` frames of every plane. */
export function lastFrames(input: Uint8Array, shape: HaloShape): Block {
  const { planes, frameBytes, haloFrames } = shape;
  const frames = input.length / (planes * frameBytes);
  if (!Number.isInteger(frames) || frames < haloFrames) {
    throw new ClusterError(
      "tensor_mismatch",
      `a halo of ${haloFrames} frames needs whole frames and as many: ${input.length} bytes are ${frames} frames of ${planes} x ${frameBytes} bytes`,
    );
  }
  return {
    data: input,
    start: (frames - haloFrames) * frameBytes,
    runs: planes,
    runBytes: haloFrames * frameBytes,
    strideBytes: frames * frameBytes,
  };
}
