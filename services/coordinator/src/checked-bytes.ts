import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import type { BlobInfo } from "./blob-store.js";

/** Passes `data` on, and throws `data_loss` at its end, or as soon as it is too long, when it is not as expected. */
export async function* checkedBytes(
  key: string,
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expected: BlobInfo,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of data) {
    signal.throwIfAborted();
    bytes += piece.byteLength;
    if (bytes > expected.bytes) {
      throw new ClusterError("data_loss", `${key}: more than the ${expected.bytes} bytes announced`);
    }
    hash.update(piece);
    yield piece;
  }
  signal.throwIfAborted();
  if (bytes !== expected.bytes) {
    throw new ClusterError("data_loss", `${key}: ${bytes} bytes came, ${expected.bytes} were announced`);
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== expected.sha256) {
    throw new ClusterError("data_loss", `${key}: sha256 is ${sha256}, announced was ${expected.sha256}`);
  }
}
