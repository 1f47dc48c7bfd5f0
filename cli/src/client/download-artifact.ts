import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import type { Artifact, GenerationClient } from "./generation.js";

/** Streams that break in a row, without a byte between them, before a download gives up. */
const MAX_BREAKS = 5;

/**
 * Fetches an artifact piece by piece into `write` and checks size and sha256: `data_loss` when they differ. A stream
 * that breaks goes on where it stopped.
 */
export async function downloadArtifact(
  client: Pick<GenerationClient, "download">,
  source: { readonly jobId: string; readonly artifact: Artifact },
  write: (data: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { jobId, artifact } = source;
  const hash = createHash("sha256");
  let offset = 0;
  for (let breaks = 0; offset < artifact.bytes; ) {
    try {
      for await (const chunk of client.download(jobId, { kind: artifact.kind, offset }, signal)) {
        if (chunk.offset !== offset)
          throw new ClusterError(
            "data_loss",
            `${artifact.kind}: got byte ${chunk.offset}, expected ${offset}`,
          );
        hash.update(chunk.data);
        await write(chunk.data);
        offset += chunk.data.length;
        if (chunk.data.length > 0) breaks = 0;
      }
      if (offset < artifact.bytes) throw new ClusterError("peer_lost", "the download ended early");
    } catch (reason) {
      signal.throwIfAborted();
      breaks += 1;
      const canGoOn =
        reason instanceof ClusterError && (reason.code === "peer_lost" || reason.code === "unavailable");
      if (!canGoOn || breaks >= MAX_BREAKS) throw reason;
    }
  }
  const sha256 = hash.digest("hex");
  if (offset !== artifact.bytes || sha256 !== artifact.sha256)
    throw new ClusterError(
      "data_loss",
      `${artifact.kind}: got ${offset} bytes with sha256 ${sha256}, expected ${artifact.bytes} with ${artifact.sha256}`,
    );
}
