import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { type BlobInfo, type BlobStore, MAX_PIECE_BYTES } from "../blob-store.js";

/** What every BlobStore does. `open` makes an empty one. */
export function blobStoreSuite(
  name: string,
  open: () => Promise<{ readonly blobs: BlobStore; close(): Promise<void> }>,
): void {
  describe(`${name} as a BlobStore`, () => {
    let blobs: BlobStore;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ blobs, close } = await open());
    });
    afterEach(() => close());

    it("returns what was stored, from any offset, in pieces that fit a message", async () => {
      const data = bytes(2 * MAX_PIECE_BYTES + 17);
      await blobs.put("jobs/a/1/video", [data.subarray(0, 5), data.subarray(5)], infoOf(data), neverAborts);
      assert.deepEqual(await blobs.stat("jobs/a/1/video", neverAborts), infoOf(data));
      for (const offset of [0, 1, MAX_PIECE_BYTES, data.length - 1, data.length]) {
        const pieces = await read(blobs, "jobs/a/1/video", offset);
        assert.ok(pieces.every((piece) => piece.byteLength > 0 && piece.byteLength <= MAX_PIECE_BYTES));
        assert.deepEqual(Buffer.concat(pieces), data.subarray(offset));
      }
    });

    it("keeps an empty blob", async () => {
      await blobs.put("a", [], infoOf(bytes(0)), neverAborts);
      assert.equal((await blobs.stat("a", neverAborts))?.bytes, 0);
      assert.deepEqual(await read(blobs, "a", 0), []);
    });

    it("replaces a blob whole", async () => {
      await blobs.put("a/b", [bytes(100)], infoOf(bytes(100)), neverAborts);
      await blobs.put("a/b", [bytes(7)], infoOf(bytes(7)), neverAborts);
      assert.deepEqual(await blobs.stat("a/b", neverAborts), infoOf(bytes(7)));
      assert.deepEqual(Buffer.concat(await read(blobs, "a/b", 0)), bytes(7));
    });

    const damages: readonly (readonly [string, Uint8Array])[] = [
      ["too short", bytes(10).subarray(0, 9)],
      ["too long", bytes(11)],
      ["one bit off", bytes(10).map((byte, i) => (i === 3 ? byte ^ 1 : byte))],
    ];
    for (const [what, damaged] of damages) {
      it(`refuses data that is ${what}, and keeps what was there`, async () => {
        await blobs.put("a", [bytes(3)], infoOf(bytes(3)), neverAborts);
        await assert.rejects(
          blobs.put("a", [damaged], infoOf(bytes(10)), neverAborts),
          (error) => error instanceof ClusterError && error.code === "data_loss",
        );
        assert.deepEqual(await blobs.stat("a", neverAborts), infoOf(bytes(3)));
      });
    }

    it("stores nothing of an upload that breaks off or is aborted", async () => {
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield bytes(4);
        throw new Error("the wire broke");
      }
      await assert.rejects(blobs.put("a", broken(), infoOf(bytes(10)), neverAborts), /the wire broke/);
      const stop = new AbortController();
      async function* slow(): AsyncGenerator<Uint8Array> {
        yield bytes(4);
        stop.abort(new Error("enough"));
        yield bytes(6);
      }
      await assert.rejects(blobs.put("a", slow(), infoOf(bytes(10)), stop.signal), /enough/);
      assert.equal(await blobs.stat("a", neverAborts), undefined);
    });

    it("says what is not there", async () => {
      assert.equal(await blobs.stat("none", neverAborts), undefined);
      await assert.rejects(
        read(blobs, "none", 0),
        (error) => error instanceof ClusterError && error.code === "artifact_unavailable",
      );
    });

    it("tells the keys under a prefix, while they are deleted", async () => {
      const keys = ["jobs/a/1/video", "jobs/a/2/video", "jobs/a/2/step-10", "jobs/ab/1/video", "other"];
      for (const key of keys) await blobs.put(key, [], infoOf(bytes(0)), neverAborts);
      const under = async (prefix: string): Promise<string[]> => {
        const found: string[] = [];
        for await (const key of blobs.keys(prefix, neverAborts)) found.push(key);
        return found.sort();
      };
      assert.deepEqual(await under(""), [...keys].sort());
      assert.deepEqual(await under("none/"), []);
      for await (const key of blobs.keys("jobs/a/", neverAborts)) await blobs.delete(key, neverAborts);
      assert.deepEqual(await under("jobs/"), ["jobs/ab/1/video"]);
    });

    it("deletes a blob, and does not mind a missing one", async () => {
      await blobs.put("a", [bytes(3)], infoOf(bytes(3)), neverAborts);
      await blobs.delete("a", neverAborts);
      await blobs.delete("a", neverAborts);
      assert.equal(await blobs.stat("a", neverAborts), undefined);
    });
  });
}

/** 0, 1, 2, ... modulo 251. */
function bytes(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => i % 251));
}

function infoOf(data: Uint8Array): BlobInfo {
  return { bytes: data.byteLength, sha256: createHash("sha256").update(data).digest("hex") };
}

async function read(blobs: BlobStore, key: string, offset: number): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.get(key, offset, neverAborts)) pieces.push(piece);
  return pieces;
}
