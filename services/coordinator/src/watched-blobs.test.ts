import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { MemoryBlobStore } from "./memory-blob-store.js";
import { blobStoreSuite } from "./testing/blob-store-suite.js";
import { watchedBlobs } from "./watched-blobs.js";

blobStoreSuite("watchedBlobs", async () => ({
  blobs: watchedBlobs(new MemoryBlobStore(), () => {}),
  close: async () => {},
}));

describe("watchedBlobs", () => {
  it("tells of writes that the store could not do, not of senders that left or sent something else", async () => {
    const told: string[] = [];
    const memory = new MemoryBlobStore();
    const blobs = watchedBlobs(memory, (code) => told.push(code));
    const wrong = { bytes: 9, sha256: "0".repeat(64) };
    await assert.rejects(blobs.put("a/b", [Uint8Array.of(1)], wrong, neverAborts), { code: "data_loss" });
    const left = AbortSignal.abort(new ClusterError("unavailable", "the worker left"));
    await assert.rejects(blobs.put("a/b", [], wrong, left));
    assert.deepEqual(told, []);
    memory.put = async () => {
      throw new ClusterError("resource_exhausted", "the disk is full");
    };
    await assert.rejects(blobs.put("a/b", [], wrong, neverAborts), /the disk is full/);
    assert.deepEqual(told, ["resource_exhausted"]);
  });
});
