import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { countingRandom } from "@cogfleet/core/testing";
import { claimOutputFile, type OutputFile } from "./output-file.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-output-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const claim = (path: string): Promise<OutputFile> => claimOutputFile("output", path, countingRandom());

describe("an output file", () => {
  it("appears whole, and only when it is complete", async () => {
    const file = await claim(at("video.mp4"));
    assert.deepEqual(readdirSync(folder), []);
    await file.write(async (write) => {
      await write(Buffer.from("ab"));
      assert.ok(!readdirSync(folder).includes("video.mp4"));
      await write(Buffer.from("cd"));
    });
    assert.equal(readFileSync(at("video.mp4"), "utf8"), "abcd");
    assert.deepEqual(readdirSync(folder), ["video.mp4"]);
  });

  it("leaves what was there when writing fails", async () => {
    const file = await claim(at("video.mp4"));
    const failing = file.write(async (write) => {
      await write(Buffer.from("half"));
      throw new Error("connection lost");
    });
    await assert.rejects(failing, /connection lost/);
    assert.equal(readFileSync(at("video.mp4"), "utf8"), "abcd");
    assert.deepEqual(readdirSync(folder), ["video.mp4"]);
  });

  it("writes through a link", async () => {
    symlinkSync(at("video.mp4"), at("link.mp4"));
    const file = await claim(at("link.mp4"));
    await file.write((write) => write(Buffer.from("linked")));
    assert.equal(readFileSync(at("video.mp4"), "utf8"), "linked");
  });

  it("may be a device, which stays one", async () => {
    const file = await claim("/dev/null");
    await file.write((write) => write(Buffer.from("gone")));
    assert.equal(readFileSync("/dev/null").length, 0);
  });

  it("is refused where none can be", async () => {
    mkdirSync(at("folder"));
    writeFileSync(at("file"), "");
    for (const [path, why] of [
      [at("folder"), /is a folder/],
      [`${at("folder")}/`, /is a folder/],
      [at("missing/video.mp4"), /does not exist/],
      [at("file/video.mp4"), /ENOTDIR|is not a folder/],
      [at("new/"), /names a folder/],
      ["", /must not be empty/],
      ["/proc/video.mp4", /cannot write there/],
    ] as const) {
      await assert.rejects(claim(path), (error: Error) => {
        assert.match(error.message, why, path);
        assert.match(error.message, /--output/);
        return "code" in error && error.code === "invalid_request";
      });
    }
  });
});
