import { createHash } from "node:crypto";

const HASHED_AT_ONCE = 4 * 1024 * 1024; // a few milliseconds: heartbeats come in between

/** Lower-case hex. */
export async function sha256Of(data: Uint8Array, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < data.length; at += HASHED_AT_ONCE) {
    signal.throwIfAborted();
    hash.update(data.subarray(at, at + HASHED_AT_ONCE));
    if (at + HASHED_AT_ONCE < data.length) await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
}
