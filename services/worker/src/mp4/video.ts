import type { FrameSize } from "@cogfleet/model";
import type { ColourMatrix } from "./yuv.js";

/** Pixels of a video: uint8 [F, H, W, 3]; H and W are multiples of 16, F at least 1. */
export interface Pixels extends FrameSize {
  readonly data: Uint8Array;
}

/** What is written into the file's tags; empty: none. */
export interface VideoTags {
  readonly title?: string;
  readonly comment?: string;
}

/** A stretch of H.264 in an MP4 as an encoder leaves it; only its samples are kept. */
export interface Encoded {
  readonly mp4: Uint8Array;
  readonly matrix: ColourMatrix;
}
