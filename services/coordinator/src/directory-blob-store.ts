import { open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { ClusterError, type Random } from "@cogfleet/core";
import { type BlobInfo, type BlobStore, MAX_PIECE_BYTES } from "./blob-store.js";
import { checkedBytes } from "./checked-bytes.js";
import { makeDurableFolder, syncFolder } from "./durable-folder.js";

const KEY = /^[\w-]+(\/[\w-]+)*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Blobs as files. The file of key "a/b" is DIR/blobs/a/b.<sha256>: its name says what is in it, so that one rename
 * publishes both. Files in the making stand in DIR/unfinished, which is emptied at the start; folders that
 * deleted blobs left empty go then too.
 */
export class DirectoryBlobStore implements BlobStore {
  readonly #blobs: string;
  readonly #unfinished: string;
  readonly #random: Random;

  private constructor(directory: string, random: Random) {
    this.#blobs = join(directory, "blobs");
    this.#unfinished = join(directory, "unfinished");
    this.#random = random;
  }

  /** Throws `invalid_config` when the folder cannot be made or written. */
  static async open(directory: string, random: Random): Promise<DirectoryBlobStore> {
    const store = new DirectoryBlobStore(directory, random);
    try {
      await rm(store.#unfinished, { recursive: true, force: true });
      await makeDurableFolder(store.#unfinished);
      await makeDurableFolder(store.#blobs);
      await removeEmptyFolders(store.#blobs);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ClusterError("invalid_config", `--data folder ${directory} cannot be written: ${why}`, {
        cause,
      });
    }
    return store;
  }

  async put(
    key: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobInfo,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const target = this.#path(key, expected.sha256);
    const draft = join(this.#unfinished, this.#random.id());
    try {
      await writeDurably(draft, checkedBytes(key, data, expected, signal));
      await makeDurableFolder(dirname(target));
      await rename(draft, target);
      await syncFolder(dirname(target));
      for (const old of await this.#versions(key)) {
        if (old !== expected.sha256) await rm(this.#path(key, old), { force: true });
      }
    } catch (reason) {
      await rm(draft, { force: true });
      throw diskError(reason, key);
    }
  }

  async stat(key: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    signal.throwIfAborted();
    const [sha256] = await this.#versions(key);
    if (sha256 === undefined) return undefined;
    const file = await open(this.#path(key, sha256), "r");
    try {
      return { bytes: (await file.stat()).size, sha256 };
    } finally {
      await file.close();
    }
  }

  async *get(key: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const [sha256] = await this.#versions(key);
    if (sha256 === undefined) throw new ClusterError("artifact_unavailable", `${key} is not stored`);
    const file = await open(this.#path(key, sha256), "r");
    try {
      for (let at = offset; ; ) {
        signal.throwIfAborted();
        const { bytesRead, buffer } = await file.read(
          new Uint8Array(MAX_PIECE_BYTES),
          0,
          MAX_PIECE_BYTES,
          at,
        );
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const sha256 of await this.#versions(key)) await rm(this.#path(key, sha256), { force: true });
  }

  async *keys(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    // Read whole: entries may be removed while the caller looks at them.
    const entries = await readdir(join(this.#blobs, prefix), { recursive: true, withFileTypes: true }).catch(
      (reason: unknown) => {
        if (isErrno(reason, "ENOENT")) return [];
        throw reason;
      },
    );
    const seen = new Set<string>();
    for (const entry of entries) {
      signal.throwIfAborted();
      if (!entry.isFile()) continue;
      const path = relative(this.#blobs, join(entry.parentPath, entry.name)).split(sep).join("/");
      const key = path.slice(0, path.lastIndexOf("."));
      if (!seen.has(key)) yield key;
      seen.add(key);
    }
  }

  #path(key: string, sha256: string): string {
    // Keys are made of ids that came over the wire: none may point out of the folder.
    if (!KEY.test(key)) throw new ClusterError("invalid_request", `"${key}" is not a blob key`);
    if (!SHA256.test(sha256)) throw new ClusterError("invalid_request", `"${sha256}" is not a sha256 in hex`);
    return join(this.#blobs, `${key}.${sha256}`);
  }

  /** sha256 of what is stored under the key: one, or two when a replacement was cut short. */
  async #versions(key: string): Promise<string[]> {
    const prefix = `${basename(key)}.`;
    const folder = dirname(this.#path(key, "0".repeat(64)));
    const names = await readdir(folder).catch((reason: unknown) => {
      if (isErrno(reason, "ENOENT")) return [];
      throw reason;
    });
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }
}

async function writeDurably(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx");
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.byteLength; ) {
        const { bytesWritten } = await file.write(piece, at, piece.byteLength - at);
        at += bytesWritten;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function removeEmptyFolders(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = join(root, entry.name);
    await removeEmptyFolders(folder);
    await rmdir(folder).catch((reason: unknown) => {
      if (!isErrno(reason, "ENOTEMPTY")) throw reason;
    });
  }
}

function diskError(reason: unknown, key: string): unknown {
  if (!isErrno(reason, "ENOSPC") && !isErrno(reason, "EDQUOT")) return reason;
  return new ClusterError("resource_exhausted", `${key} was not stored: the disk is full`, { cause: reason });
}

function isErrno(reason: unknown, code: string): boolean {
  return reason instanceof Error && "code" in reason && reason.code === code;
}
