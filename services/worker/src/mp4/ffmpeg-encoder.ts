import { execFile, spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { ClusterError } from "@cogfleet/core";
import type { Encoded, Pixels } from "./video.js";
import { colourMatrixFor, rgbToYuv420 } from "./yuv.js";

const QUALITY = 16; // x264's rate factor: 18 is "visually lossless", videos this short can afford less loss

/** Whether an ffmpeg with x264 is on PATH. */
export async function hasFfmpeg(): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)("ffmpeg", ["-hide_banner", "-encoders"]);
    return /\blibx264\b/.test(stdout);
  } catch {
    return false;
  }
}

/** H.264 (high profile) by the user's ffmpeg. The conversion to YUV is ours, so colours do not hang on its version. */
export async function encodeWithFfmpeg(video: Pixels, fps: number): Promise<Encoded> {
  const { data, frames, height, width } = video;
  const matrix = colourMatrixFor(height);
  const child = spawn(
    "ffmpeg",
    [
      ...["-hide_banner", "-loglevel", "error", "-nostdin"],
      ...[
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
        "-s",
        `${width}x${height}`,
        "-r",
        String(fps),
        "-i",
        "pipe:0",
      ],
      ...["-c:v", "libx264", "-preset", "medium", "-crf", String(QUALITY), "-bf", "0", "-g", String(2 * fps)],
      ...["-color_range", "tv", "-color_primaries", "bt709", "-color_trc", "bt709"],
      ...["-colorspace", matrix === "bt601" ? "smpte170m" : "bt709"],
      // x264's output hangs on its number of threads: one, so that bytes depend on the frames alone.
      ...["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"],
      ...["-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1"], // a pipe cannot be rewound: fragments
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", (cause) =>
      reject(new ClusterError("unavailable", `ffmpeg cannot be run: ${cause.message}`, { cause })),
    );
    child.on("close", resolve);
  });
  function* planes(): Generator<Uint8Array> {
    const bytes = height * width * 3;
    for (let f = 0; f < frames; f++)
      yield rgbToYuv420(data.subarray(f * bytes, (f + 1) * bytes), height, width, matrix);
  }
  const [code, mp4, complaint] = await Promise.all([
    ended,
    buffer(child.stdout),
    buffer(child.stderr),
    // When ffmpeg leaves early, its exit code says more than the broken pipe.
    pipeline(planes(), child.stdin).catch(() => {}),
  ]);
  if (code !== 0)
    throw new ClusterError(
      "internal",
      `ffmpeg ended with code ${code}: ${complaint.toString().trim().split("\n").at(-1) ?? ""}`,
    );
  return { mp4: new Uint8Array(mp4.buffer, mp4.byteOffset, mp4.length), matrix };
}
