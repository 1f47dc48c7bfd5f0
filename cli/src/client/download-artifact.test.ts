import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { downloadArtifact } from "./download-artifact.js";
import type { Artifact, ArtifactChunk } from "./generation.js";
import { PATIENCE_MS, Patience } from "./patience.js";

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const artifact: Artifact = {
  kind: "video",
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  mediaType: "video/mp4",
};

type Break = "gone" | "cancelled";

/** Serves `data` in pieces of 100, breaking after so many pieces of each stream; what is not told goes on to the end. */
function serving(
  data: Uint8Array,
  breaks: (stream: number) => { readonly after: number; readonly as: Break },
) {
  const asked: number[] = [];
  return {
    asked,
    async *download(_: string, from: { readonly offset: number }): AsyncGenerator<ArtifactChunk> {
      const { after, as } = breaks(asked.length);
      asked.push(from.offset);
      for (let offset = from.offset, sent = 0; offset < data.length; offset += 100, sent++) {
        if (sent >= after) throw new ClusterError(as === "gone" ? "peer_lost" : "cancelled", "gone");
        yield { data: data.subarray(offset, offset + 100), offset, totalBytes: data.length };
      }
    },
  };
}

const whole = () => ({ after: Number.POSITIVE_INFINITY, as: "gone" }) as const;

async function fetched(client: ReturnType<typeof serving>, clock = new ManualClock()): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const write = async (data: Uint8Array): Promise<void> => void parts.push(data.slice());
  const patience = new Patience({ clock, onNotice: () => {} }, "cogfleet jobs download j");
  let isOver = false;
  const work = downloadArtifact({ client, patience }, { jobId: "j", artifact }, write, neverAborts);
  work
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  while (!isOver) await clock.advance(250);
  await work;
  return Buffer.concat(parts);
}

describe("downloading an artifact", () => {
  it("goes on where a stream broke", async () => {
    const client = serving(bytes, () => ({ after: 3, as: "gone" }));
    assert.deepEqual(new Uint8Array(await fetched(client)), bytes);
    assert.deepEqual(client.asked, [0, 300, 600, 900]);
  });

  it("waits for a coordinator that is started again, whatever its last stream ended with", async () => {
    // The first one is killed, and for ten tries nobody is there.
    const client = serving(bytes, (stream) => {
      if (stream === 0) return { after: 3, as: "cancelled" };
      return stream <= 10 ? { after: 0, as: "gone" } : whole();
    });
    const clock = new ManualClock();
    assert.deepEqual(new Uint8Array(await fetched(client, clock)), bytes);
    assert.ok(clock.now() > 10_000, `it was back after ${clock.now()} ms`);
  });

  it("gives up when no byte comes for as long as the patience lasts", async () => {
    const client = serving(bytes, () => ({ after: 0, as: "gone" }));
    const clock = new ManualClock();
    await assert.rejects(fetched(client, clock), {
      code: "unavailable",
      message: /cogfleet jobs download j/,
    });
    assert.ok(clock.now() >= PATIENCE_MS && client.asked.length < 30, `${client.asked.length} tries`);
  });

  it("refuses bytes that are not those of the job", async () => {
    const other = bytes.slice();
    other[500] = 7;
    await assert.rejects(fetched(serving(other, whole)), { code: "data_loss" });
  });
});
