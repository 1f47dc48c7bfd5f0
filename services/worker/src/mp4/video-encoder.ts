import { Worker } from "node:worker_threads";
import { ClusterError, type ErrorCode, orAbort } from "@cogfleet/core";
import { hasFfmpeg } from "./ffmpeg-encoder.js";
import type { Frames, VideoTags } from "./video.js";

export const VIDEO_ENCODERS = ["auto", "wasm", "ffmpeg"] as const;

export interface EncodeRequest {
  readonly encoder: "wasm" | "ffmpeg";
  readonly video: Frames;
  readonly fps: number;
  readonly tags: VideoTags;
}

/** What the thread answers, once. */
export type EncodeReply =
  | { readonly kind: "done"; readonly mp4: Uint8Array }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** Frames to an MP4 file: H.264, yuv420p, moov first. The same bytes for the same frames, fps and tags. */
export interface VideoEncoder {
  readonly encoder: "wasm" | "ffmpeg";
  /**
   * Runs in a thread of its own, which an abort ends. The frames' buffer passes to it when `frames.data` fills it: it
   * is detached for the caller.
   */
  encode(
    frames: Frames,
    options: { readonly fps: number; readonly tags: VideoTags },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
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
    encode: (video, { fps, tags }, signal) => inThread({ encoder, video, fps, tags }, signal),
  };
}

async function inThread(request: EncodeRequest, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  const { data, frames, height, width } = request.video;
  if (data.length !== frames * height * width * 3)
    throw new ClusterError(
      "tensor_mismatch",
      `${data.length} bytes of frames, expected ${frames * height * width * 3} for [${frames}, ${height}, ${width}, 3]`,
    );
  const { buffer } = data;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength;
  const thread = new Worker(new URL("./encode-thread.js", import.meta.url), {
    workerData: request,
    transferList: isWhole ? [buffer] : [],
  });
  const answered = new Promise<EncodeReply>((resolve, reject) => {
    thread.on("message", resolve);
    thread.on("error", (cause) =>
      reject(new ClusterError("internal", `encoding the video failed: ${cause.message}`, { cause })),
    );
    thread.on("exit", () => reject(new ClusterError("internal", "the encoding thread ended early")));
  });
  try {
    const reply = await orAbort(answered, signal);
    if (reply.kind === "failed") throw new ClusterError(reply.code, reply.message);
    return reply.mp4;
  } finally {
    await thread.terminate(); // it runs no ONNX Runtime: safe at any moment
  }
}
