// Needs ffmpeg: decodes what the encoders wrote and looks at the pixels.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { movingSquare, sampleOf, solid } from "./test-frames.js";
import type { Pixels } from "./video.js";
import { openVideoEncoder } from "./video-encoder.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-mp4-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "video.mp4");

/** The frames of the file as ffmpeg shows them, by the colours that the file names. */
function decode(mp4: Uint8Array): Uint8Array {
  writeFileSync(file, mp4);
  const scaling = "scale=sws_flags=bicubic+accurate_rnd+full_chroma_int";
  return execFileSync(
    "ffmpeg",
    ["-v", "error", "-i", file, "-vf", scaling, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
    { maxBuffer: 2 ** 28 },
  );
}

function probe(mp4: Uint8Array): {
  streams: Record<string, unknown>[];
  format: { tags: { title?: string; comment?: string } };
} {
  writeFileSync(file, mp4);
  const args = ["-v", "error", "-show_streams", "-show_format", "-of", "json", file];
  return JSON.parse(execFileSync("ffprobe", args, { encoding: "utf8" }));
}

function psnr(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += (value - (b[i] as number)) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

for (const choice of ["wasm", "ffmpeg"] as const) {
  describe(`a video encoded with ${choice}`, () => {
    const encode = async (frames: Pixels): Promise<Uint8Array> => {
      const encoder = await openVideoEncoder(choice);
      const tags = { title: "a red ball", comment: "seed 42" };
      const options = { fps: 8, tags, keepPixels: false };
      return (await encoder.encode(sampleOf(frames), options, neverAborts)).mp4;
    };

    it("shows the colours that went in", async () => {
      const colours = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 0],
        [128, 128, 128],
        [255, 255, 255],
        [200, 120, 40],
      ] as const;
      for (const side of [64, 720]) {
        for (const colour of side === 64 ? colours : colours.slice(0, 2)) {
          const shown = decode(await encode(solid(colour, 2, side)));
          for (let c = 0; c < 3; c++) {
            let sum = 0;
            for (let i = c; i < shown.length; i += 3) sum += shown[i] as number;
            const mean = sum / (shown.length / 3);
            const wanted = colour[c] as number;
            assert.ok(Math.abs(mean - wanted) < 4, `${side}: ${colour}: channel ${c} shows as ${mean}`);
          }
        }
      }
    });

    it("loses little of edges and gradients", async () => {
      const frames = movingSquare(17, 128, 192);
      const shown = decode(await encode(frames));
      assert.equal(shown.length, frames.data.length);
      const quality = psnr(frames.data, shown);
      assert.ok(quality > 38, `${quality} dB`);
    });

    it("is H.264 in 4:2:0 with its colours, rate, frames and tags named", async () => {
      const { streams, format } = probe(await encode(movingSquare(9, 64, 96)));
      const { codec_name, pix_fmt, width, height, color_space, color_range, avg_frame_rate, nb_frames } =
        streams[0] ?? {};
      assert.deepEqual(
        { codec_name, pix_fmt, width, height, color_space, color_range, avg_frame_rate, nb_frames },
        {
          codec_name: "h264",
          pix_fmt: "yuv420p",
          width: 96,
          height: 64,
          color_space: "smpte170m",
          color_range: "tv",
          avg_frame_rate: "8/1",
          nb_frames: "9",
        },
      );
      const { title, comment } = format.tags;
      assert.deepEqual({ title, comment }, { title: "a red ball", comment: "seed 42" });
    });

    it("has the same bytes each time", async () => {
      const frames = movingSquare(9, 64, 96);
      assert.deepEqual(await encode(frames), await encode(frames));
    });
  });
}
