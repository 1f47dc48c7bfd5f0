import { type BlobInfo, type BlobStore, checkedBytes } from "@cogfleet/coordinator/testing/domain.js";
import { ClusterError, orAbort } from "@cogfleet/core";
import type { StoredBlob } from "./disk.js";
import type { Access, SimStoreDeps } from "./sim-stores.js";

const PIECE_BYTES = 64;

/** Blobs on a disk: whole or not at all, with a checksum that is looked at by whoever reads. */
export class SimBlobStore implements BlobStore {
  readonly #deps: SimStoreDeps;
  readonly #access: Access;

  constructor(deps: SimStoreDeps, access: Access) {
    this.#deps = deps;
    this.#access = access;
  }

  async put(
    key: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobInfo,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const pieces: Uint8Array[] = [];
    for await (const piece of checkedBytes(key, data, expected, signal)) {
      pieces.push(piece.slice());
      await this.#access.at(`blobs.put ${sortOf(key)} half`);
    }
    const blob: StoredBlob = { data: Buffer.concat(pieces), info: { ...expected } };
    await orAbort(
      this.#access.write(`blobs.put ${sortOf(key)}`, () => this.#publish(key, blob)),
      signal,
    );
  }

  stat(key: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    return this.#access.read(() => this.#deps.disk.blobs.get(key)?.info, signal);
  }

  async *get(key: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const blob = await this.#access.read(() => this.#deps.disk.blobs.get(key), signal);
    if (blob === undefined) throw new ClusterError("artifact_unavailable", `${key} is not stored`);
    for (let at = offset; at < blob.data.byteLength; at += PIECE_BYTES) {
      signal.throwIfAborted();
      yield blob.data.slice(at, at + PIECE_BYTES);
    }
  }

  async *keys(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    const keys = await this.#access.read(() => [...this.#deps.disk.blobs.keys()], signal);
    for (const key of keys) if (key.startsWith(prefix)) yield key;
  }

  delete(key: string, signal: AbortSignal): Promise<void> {
    const removing = this.#access.write(`blobs.delete ${sortOf(key)}`, () => this.#remove(key));
    return orAbort(removing, signal);
  }

  #publish(key: string, blob: StoredBlob): void {
    const { disk, history, process } = this.#deps;
    disk.blobs.set(key, blob);
    history.tell({ kind: "stored", process: process.name, key, sha256: blob.info.sha256 });
  }

  #remove(key: string): void {
    const { disk, history, process } = this.#deps;
    if (!disk.blobs.has(key)) return;
    disk.deleteBlob(key);
    history.tell({ kind: "removed", process: process.name, key, sha256: "" });
  }
}

function sortOf(key: string): "checkpoint" | "artifact" {
  return key.includes("/step-") ? "checkpoint" : "artifact";
}
