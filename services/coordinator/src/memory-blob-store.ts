import { ClusterError } from "@cogfleet/core";
import { type BlobInfo, type BlobStore, MAX_PIECE_BYTES } from "./blob-store.js";
import { checkedBytes } from "./checked-bytes.js";

/** Blobs in this process' memory: for tests, and for a coordinator without a data folder. */
export class MemoryBlobStore implements BlobStore {
  readonly #blobs = new Map<string, { readonly data: Uint8Array; readonly info: BlobInfo }>();

  async put(
    key: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobInfo,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const pieces: Uint8Array[] = [];
    for await (const piece of checkedBytes(key, data, expected, signal)) pieces.push(piece.slice());
    this.#blobs.set(key, { data: Buffer.concat(pieces), info: { ...expected } });
  }

  async stat(key: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    signal.throwIfAborted();
    return this.#blobs.get(key)?.info;
  }

  async *get(key: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const blob = this.#blobs.get(key);
    if (blob === undefined) throw new ClusterError("artifact_unavailable", `${key} is not stored`);
    for (let at = offset; at < blob.data.byteLength; at += MAX_PIECE_BYTES) {
      signal.throwIfAborted();
      yield blob.data.slice(at, at + MAX_PIECE_BYTES);
    }
  }

  async *keys(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    for (const key of [...this.#blobs.keys()]) {
      signal.throwIfAborted();
      if (key.startsWith(prefix)) yield key;
    }
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#blobs.delete(key);
  }
}
