import { Worker } from "node:worker_threads";
import { ClusterError, type ErrorCode, orAbort } from "@cogfleet/core";
import type { FrameSize, VideoSample } from "@cogfleet/model";
import { hasFfmpeg } from "./ffmpeg-encoder.js";
import type { VideoTags } from "./video.js";

export const VIDEO_ENCODERS = ["auto", "wasm", "ffmpeg"] as const;

export interface EncodeOptions {
  readonly fps: number;
  readonly tags: VideoTags;
  /** Whether the pixels are wanted too. */
  readonly keepPixels: boolean;
}

export interface EncodedVideo {
  readonly mp4: Uint8Array<ArrayBuffer>;
  /** uint8 [F, H, W, 3], if they were to be kept. */
  readonly pixels: Uint8Array<ArrayBuffer> | undefined;
}

/** What the thread is started with. */
export interface EncodeRequest extends EncodeOptions {
  readonly encoder: "wasm" | "ffmpeg";
  readonly sample: Float32Array;
  readonly size: FrameSize;
}

/** What the thread says: that it has begun, then its answer. */
export type EncodeReply =
  | { readonly kind: "begun" }
  | ({ readonly kind: "done" } & EncodedVideo)
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** A decoded video to an MP4 file: H.264, yuv420p, moov first. The same bytes for the same pixels, fps and tags. */
export interface VideoEncoder {
  readonly encoder: "wasm" | "ffmpeg";
  /**
   * Runs in a thread of its own, which an abort ends. H and W are multiples of 16. The sample's buffer passes to it
   * when the sample fills it: it is detached for the caller.
   */
  encode(video: VideoSample, options: EncodeOptions, signal: AbortSignal): Promise<EncodedVideo>;
}

/**
 * "auto" takes ffmpeg where one with x264 is on PATH, else the encoder in WebAssembly. `unsupported` when ffmpeg is
 * asked for and not there.
 */
export async function openVideoEncoder(choice: (typeof VIDEO_ENCODERS)[number]): Promise<VideoEncoder> {
  const isFfmpegThere = choice === "wasm" ? false : await hasFfmpeg();
  if (choice === "ffmpeg" && !isFfmpegThere)
    throw new ClusterError("unsupported", "--video-encoder ffmpeg needs an ffmpeg with libx264 on PATH");
  const encoder = isFfmpegThere ? "ffmpeg" : "wasm";
  return {
    encoder,
    encode: ({ sample, size }, options, signal) => inThread({ encoder, sample, size, ...options }, signal),
  };
}

async function inThread(request: EncodeRequest, signal: AbortSignal): Promise<EncodedVideo> {
  signal.throwIfAborted();
  const { sample, size } = request;
  const { frames, height, width } = size;
  if (sample.length !== 3 * frames * height * width)
    throw new ClusterError(
      "tensor_mismatch",
      `${sample.length} values of a video, expected ${3 * frames * height * width} for [3, ${frames}, ${height}, ${width}]`,
    );
  const { buffer } = sample;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === sample.byteLength;
  const thread = new Worker(new URL("./encode-thread.js", import.meta.url), {
    workerData: request,
    transferList: isWhole ? [buffer] : [],
  });
  const begun = new Promise<void>((resolve) => {
    for (const event of ["message", "error", "exit"]) thread.once(event, () => resolve());
  });
  const answered = new Promise<Exclude<EncodeReply, { kind: "begun" }>>((resolve, reject) => {
    thread.on("message", (reply: EncodeReply) => {
      if (reply.kind !== "begun") resolve(reply);
    });
    thread.on("error", (cause) =>
      reject(new ClusterError("internal", `encoding the video failed: ${cause.message}`, { cause })),
    );
    thread.on("exit", () => reject(new ClusterError("internal", "the encoding thread ended early")));
  });
  try {
    const reply = await orAbort(answered, signal);
    if (reply.kind === "failed") throw new ClusterError(reply.code, reply.message);
    return { mp4: reply.mp4, pixels: reply.pixels };
  } finally {
    await begun; // a thread that is ended while it loads its modules leaves their files open
    await thread.terminate(); // it runs no ONNX Runtime: safe at any moment from then on
  }
}
