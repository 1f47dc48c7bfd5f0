import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ClusterError, neverAborts, systemRandom } from "@cogfleet/core";
import { DirectoryBlobStore } from "./directory-blob-store.js";
import { blobStoreSuite } from "./testing/blob-store-suite.js";
import { emptyVideo } from "./testing/sample-jobs.js";

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-blobs-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

blobStoreSuite("DirectoryBlobStore", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-blobs-"));
  return {
    blobs: await DirectoryBlobStore.open(folder, systemRandom),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

describe("DirectoryBlobStore", () => {
  it("finds its blobs again, and sweeps what a crash left unfinished", () =>
    inFolder(async (folder) => {
      const before = await DirectoryBlobStore.open(folder, systemRandom);
      await before.put("jobs/a/1/video", [], emptyVideo, neverAborts);
      writeFileSync(join(folder, "unfinished", "half"), "half a video");
      const after = await DirectoryBlobStore.open(folder, systemRandom);
      assert.equal((await after.stat("jobs/a/1/video", neverAborts))?.sha256, emptyVideo.sha256);
      assert.deepEqual(readdirSync(join(folder, "unfinished")), []);
    }));

  it("leaves no file behind when an upload is refused", () =>
    inFolder(async (folder) => {
      const blobs = await DirectoryBlobStore.open(folder, systemRandom);
      await assert.rejects(blobs.put("a", [Buffer.from("x")], emptyVideo, neverAborts));
      assert.deepEqual(readdirSync(join(folder, "unfinished")), []);
      assert.deepEqual(readdirSync(join(folder, "blobs")), []);
    }));

  for (const key of ["../a", "a/../../b", "/etc/passwd", "a//b", "", "a.b", "a\0"]) {
    it(`refuses the key ${JSON.stringify(key)}`, () =>
      inFolder(async (folder) => {
        const blobs = await DirectoryBlobStore.open(folder, systemRandom);
        await assert.rejects(
          blobs.put(key, [], emptyVideo, neverAborts),
          (error) => error instanceof ClusterError && error.code === "invalid_request",
        );
      }));
  }

  it("says in one sentence that its folder cannot be made", () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, "file"), "");
      await assert.rejects(
        DirectoryBlobStore.open(join(folder, "file"), systemRandom),
        (error) => error instanceof ClusterError && error.code === "invalid_config",
      );
    }));

  it("says that the disk is full", () =>
    inFolder(async (folder) => {
      const blobs = await DirectoryBlobStore.open(folder, systemRandom);
      // What the file system says when a write fails arrives by the same way as what the source of the data throws.
      // biome-ignore lint/correctness/useYield: it fails before its first byte
      async function* full(): AsyncGenerator<Uint8Array> {
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      }
      await assert.rejects(
        blobs.put("a", full(), emptyVideo, neverAborts),
        (error) => error instanceof ClusterError && error.code === "resource_exhausted",
      );
    }));
});
