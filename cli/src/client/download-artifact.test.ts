import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { downloadArtifact } from "./download-artifact.js";
import type { Artifact, ArtifactChunk } from "./generation.js";

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const artifact: Artifact = {
  kind: "video",
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  mediaType: "video/mp4",
};

/** Serves `data` in pieces of 100, breaking after `breakAfter` pieces of each stream. */
function serving(data: Uint8Array, breakAfter = Number.POSITIVE_INFINITY) {
  const asked: number[] = [];
  return {
    asked,
    async *download(_: string, from: { readonly offset: number }): AsyncGenerator<ArtifactChunk> {
      asked.push(from.offset);
      for (let offset = from.offset, sent = 0; offset < data.length; offset += 100, sent++) {
        if (sent >= breakAfter) throw new ClusterError("peer_lost", "gone");
        yield { data: data.subarray(offset, offset + 100), offset, totalBytes: data.length };
      }
    },
  };
}

async function fetched(client: ReturnType<typeof serving>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const write = async (data: Uint8Array): Promise<void> => void parts.push(data.slice());
  await downloadArtifact(client, { jobId: "j", artifact }, write, neverAborts);
  return Buffer.concat(parts);
}

describe("downloading an artifact", () => {
  it("goes on where a stream broke", async () => {
    const client = serving(bytes, 3);
    assert.deepEqual(new Uint8Array(await fetched(client)), bytes);
    assert.deepEqual(client.asked, [0, 300, 600, 900]);
  });

  it("gives up when streams break without a byte", async () => {
    const client = serving(bytes, 0);
    await assert.rejects(fetched(client), { code: "peer_lost" });
    assert.equal(client.asked.length, 5);
  });

  it("refuses bytes that are not those of the job", async () => {
    const other = bytes.slice();
    other[500] = 7;
    await assert.rejects(fetched(serving(other)), { code: "data_loss" });
  });
});
