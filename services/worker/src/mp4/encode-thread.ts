// Entry point of the thread that encodes one video: seconds of computing that heartbeats must not wait for.
import { parentPort, workerData } from "node:worker_threads";
import { ClusterError } from "@cogfleet/core";
import { toPixels } from "@cogfleet/model";
import { encodeWithFfmpeg } from "./ffmpeg-encoder.js";
import { writeMp4 } from "./mp4-file.js";
import type { EncodeReply, EncodeRequest } from "./video-encoder.js";
import { encodeWithWasm } from "./wasm-encoder.js";

const { encoder, sample, size, fps, tags, keepPixels } = workerData as EncodeRequest;

function reply(message: EncodeReply, ...transfer: Uint8Array<ArrayBuffer>[]): void {
  parentPort?.postMessage(
    message,
    transfer.map(({ buffer }) => buffer),
  );
}

reply({ kind: "begun" });
try {
  const pixels = toPixels(sample, size);
  const video = { ...size, data: pixels };
  const encoded =
    encoder === "ffmpeg" ? await encodeWithFfmpeg(video, fps) : await encodeWithWasm(video, fps);
  const mp4 = await writeMp4(encoded, fps, tags);
  if (keepPixels) reply({ kind: "done", mp4, pixels }, mp4, pixels);
  else reply({ kind: "done", mp4, pixels: undefined }, mp4);
} catch (reason) {
  const error = ClusterError.from(reason);
  const detail = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  reply({
    kind: "failed",
    code: error.code,
    message: `encoding the video failed: ${error.message}${detail}`,
  });
}
