// Entry point of the thread that encodes one video: a second or more of computing that heartbeats must not wait for.
import { parentPort, workerData } from "node:worker_threads";
import { ClusterError } from "@cogfleet/core";
import { encodeWithFfmpeg } from "./ffmpeg-encoder.js";
import { writeMp4 } from "./mp4-file.js";
import type { EncodeReply, EncodeRequest } from "./video-encoder.js";
import { encodeWithWasm } from "./wasm-encoder.js";

const { encoder, video, fps, tags } = workerData as EncodeRequest;

function reply(message: EncodeReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

try {
  const encoded =
    encoder === "ffmpeg" ? await encodeWithFfmpeg(video, fps) : await encodeWithWasm(video, fps);
  const mp4 = await writeMp4(encoded, fps, tags);
  reply({ kind: "done", mp4 }, [mp4.buffer as ArrayBuffer]);
} catch (reason) {
  const error = ClusterError.from(reason);
  const detail = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  reply({
    kind: "failed",
    code: error.code,
    message: `encoding the video failed: ${error.message}${detail}`,
  });
}
