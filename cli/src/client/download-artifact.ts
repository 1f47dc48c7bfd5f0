import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import type { Artifact, GenerationClient } from "./generation.js";
import type { Patience } from "./patience.js";

/**
 * Fetches an artifact piece by piece into `write` and checks size and sha256: `data_loss` when they differ. A stream
 * that breaks goes on where it stopped, for as long as the patience lasts.
 */
export async function downloadArtifact(
  { client, patience }: { readonly client: Pick<GenerationClient, "download">; readonly patience: Patience },
  source: { readonly jobId: string; readonly artifact: Artifact },
  write: (data: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { jobId, artifact } = source;
  const hash = createHash("sha256");
  let offset = 0;
  while (offset < artifact.bytes) {
    let broken: unknown;
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
        if (chunk.data.length > 0) patience.heard();
      }
    } catch (reason) {
      if (ClusterError.from(reason).code === "data_loss") throw reason; // it would be lost again
      broken = reason;
    }
    if (offset < artifact.bytes) await patience.pause(broken, signal);
  }
  const sha256 = hash.digest("hex");
  if (offset !== artifact.bytes || sha256 !== artifact.sha256)
    throw new ClusterError(
      "data_loss",
      `${artifact.kind}: got ${offset} bytes with sha256 ${sha256}, expected ${artifact.bytes} with ${artifact.sha256}`,
    );
}
