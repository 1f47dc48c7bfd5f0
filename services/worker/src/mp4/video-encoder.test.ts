import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { boxesIn, findBox } from "./boxes.js";
import { movingSquare, sampleOf } from "./test-frames.js";
import type { VideoTags } from "./video.js";
import { openVideoEncoder } from "./video-encoder.js";

const wasm = await openVideoEncoder("wasm");
const TAGS: VideoTags = { title: "a red ball, “rolling” 球", comment: "seed 42" };

async function encode(
  size: readonly [number, number, number],
  tags: VideoTags,
  fps = 8,
): Promise<Uint8Array> {
  const video = sampleOf(movingSquare(...size));
  const { mp4 } = await wasm.encode(video, { fps, tags, keepPixels: false }, neverAborts);
  return mp4;
}

function text(file: Uint8Array, path: readonly string[]): string {
  const box = findBox(file, path);
  assert.ok(box, `${path.join("/")} is missing`);
  return new TextDecoder().decode(file.subarray(box.start, box.end));
}

describe("the video encoder in WebAssembly", () => {
  it("writes the same bytes for the same frames, rate and tags", async () => {
    const first = await encode([9, 64, 96], TAGS);
    assert.deepEqual(await encode([9, 64, 96], TAGS), first);
    assert.notDeepEqual(await encode([9, 64, 96], { ...TAGS, comment: "seed 43" }), first);
  });

  it("knows no time of creation", async () => {
    const file = await encode([1, 32, 32], {});
    for (const path of [
      ["moov", "mvhd"],
      ["moov", "trak", "tkhd"],
      ["moov", "trak", "mdia", "mdhd"],
    ]) {
      const box = findBox(file, path);
      assert.ok(box);
      assert.deepEqual([...file.subarray(box.start + 4, box.start + 12)], [0, 0, 0, 0, 0, 0, 0, 0]);
    }
  });

  it("puts moov before mdat, so that browsers start playing at once", async () => {
    const types = boxesIn(await encode([17, 64, 64], TAGS)).map(({ type }) => type);
    assert.equal(types[0], "ftyp");
    assert.ok(types.indexOf("moov") < types.indexOf("mdat"), types.join(" "));
  });

  it("says which colours the numbers mean", async () => {
    const file = await encode([1, 32, 32], {});
    const entry = findBox(file, ["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    assert.ok(entry);
    const bytes = Buffer.from(file.subarray(entry.start, entry.end));
    const at = bytes.indexOf("colrnclx");
    assert.notEqual(at, -1);
    // primaries bt709, transfer bt709, matrix smpte170m (BT.601), not full range
    assert.deepEqual([...bytes.subarray(at + 8, at + 15)], [0, 1, 0, 1, 0, 6, 0]);
  });

  it("writes title and comment as tags, or none", async () => {
    const file = await encode([1, 32, 32], TAGS);
    const meta = findBox(file, ["moov", "udta", "meta"]);
    assert.ok(meta);
    const list = boxesIn(file, meta.start + 4, meta.end).find(({ type }) => type === "ilst"); // a full box: version, flags
    assert.ok(list);
    const read = Object.fromEntries(
      boxesIn(file, list.start, list.end).map(({ type, start, end }) => [
        type,
        new TextDecoder().decode(file.subarray(start + 16, end)),
      ]),
    );
    assert.deepEqual(read, { "©nam": TAGS.title, "©cmt": TAGS.comment });
    const plain = Buffer.from(await encode([1, 32, 32], {}));
    assert.equal(plain.indexOf("ilst"), -1);
  });

  it("writes each frame for its share of a second, and lists the key frames", async () => {
    const file = await encode([33, 32, 32], {}, 7);
    const table = ["moov", "trak", "mdia", "minf", "stbl"];
    const view = new DataView(file.buffer, file.byteOffset);
    const word = (box: string, index: number): number =>
      view.getUint32((findBox(file, [...table, box])?.start ?? Number.NaN) + 4 * index);
    assert.deepEqual([word("stts", 1), word("stts", 2)], [1, 33]); // one run of 33 frames
    const timescale = view.getUint32((findBox(file, ["moov", "trak", "mdia", "mdhd"])?.start ?? 0) + 12);
    assert.equal(word("stts", 3) / timescale, 1 / 7);
    assert.deepEqual(
      [1, 2, 3, 4].map((i) => word("stss", i)),
      [3, 1, 15, 29],
    ); // every two seconds
  });

  it("takes the smallest video there is, and one of 720 lines", async () => {
    assert.match(text(await encode([1, 16, 16], {}), ["ftyp"]), /^isom/);
    const tall = Buffer.from(await encode([1, 720, 16], {}));
    const at = tall.indexOf("colrnclx");
    assert.equal(tall.readUInt16BE(at + 12), 1); // matrix BT.709
  });

  it("hands the pixels back when they are wanted", async () => {
    const square = movingSquare(2, 16, 32);
    const options = { fps: 8, tags: {}, keepPixels: true };
    assert.deepEqual((await wasm.encode(sampleOf(square), options, neverAborts)).pixels, square.data);
  });

  it("takes the sample's buffer and refuses a sample that is not what it says", async () => {
    const video = sampleOf(movingSquare(1, 16, 16));
    const options = { fps: 8, tags: {}, keepPixels: false };
    assert.equal((await wasm.encode(video, options, neverAborts)).pixels, undefined);
    assert.equal(video.sample.length, 0);
    await assert.rejects(wasm.encode(video, options, neverAborts), {
      code: "tensor_mismatch",
      message: "0 values of a video, expected 768 for [3, 1, 16, 16]",
    });
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const encoding = wasm.encode(
      sampleOf(movingSquare(64, 128, 128)),
      { fps: 8, tags: {}, keepPixels: false },
      stop.signal,
    );
    stop.abort(new ClusterError("cancelled", "the job was cancelled"));
    await assert.rejects(encoding, { code: "cancelled" });
  });
});

describe("an encoding that is stopped while its thread starts", () => {
  it("leaves no file open", async () => {
    const open = (): number => readdirSync("/dev/fd").length;
    const before = open();
    for (let afterMs = 0; afterMs < 240; afterMs += 60) {
      const video = sampleOf(movingSquare(64, 128, 128));
      const options = { fps: 8, tags: {}, keepPixels: false };
      await Promise.allSettled([wasm.encode(video, options, AbortSignal.timeout(afterMs))]);
    }
    assert.ok(open() <= before + 2, `${open()} files are open, ${before} were`);
  });
});

describe("openVideoEncoder", () => {
  it("refuses ffmpeg where there is none, and does without when left the choice", async (t) => {
    const { PATH } = process.env;
    t.after(() => Object.assign(process.env, { PATH }));
    Object.assign(process.env, { PATH: "/nowhere" });
    await assert.rejects(openVideoEncoder("ffmpeg"), { code: "unsupported", message: /libx264 on PATH/ });
    assert.equal((await openVideoEncoder("auto")).encoder, "wasm");
  });
});
