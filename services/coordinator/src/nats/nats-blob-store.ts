import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import type { MsgRequest, StoredMsg } from "@nats-io/jetstream";
import { type ObjectInfo, type ObjectStore, Objm } from "@nats-io/obj";
import type { BlobInfo, BlobStore } from "../blob-store.js";
import { checkedBytes } from "../checked-bytes.js";
import { ensureStream } from "./bucket.js";
import type { NatsLink } from "./nats-link.js";

const PATIENCE_MS = 5_000;
// An answer that carries one is a third larger, and must fit a message too.
const CHUNK_BYTES = 256 * 1024;

export interface NatsBlobConfig {
  readonly replicas: number;
  /** How long the servers may take to open it, milliseconds. */
  readonly patienceMs: number;
  /** What no object names is left over once nothing was added to it for so long, milliseconds. */
  readonly graceMs: number;
}

/**
 * Blobs in an object store of NATS JetStream, a message a chunk, each acknowledged before the next is sent. A blob
 * shows once its last chunk is stored: the information about it is written last.
 */
export class NatsBlobStore implements BlobStore {
  readonly #link: NatsLink;
  readonly #name: string;
  readonly #objects: ObjectStore;
  readonly #graceMs: number;

  private constructor(link: NatsLink, name: string, objects: ObjectStore, graceMs: number) {
    this.#link = link;
    this.#name = name;
    this.#objects = objects;
    this.#graceMs = graceMs;
  }

  /** Makes it when it is not there, and sees to its number of replicas. */
  static async open(
    link: NatsLink,
    name: string,
    { replicas, patienceMs, graceMs }: NatsBlobConfig,
    signal: AbortSignal,
  ): Promise<NatsBlobStore> {
    const objm = new Objm(link.js);
    const open = async (): Promise<ObjectStore> => {
      await ensureStream(link, `OBJ_${name}`, replicas, async () => {
        await objm.create(name, { replicas });
      });
      return objm.open(name);
    };
    const objects = await link.call(`open object store ${name}`, open, patienceMs, signal);
    return new NatsBlobStore(link, name, objects, graceMs);
  }

  async put(
    key: string,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: BlobInfo,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    // What is wrong with the data must come out as it is, not as what became of the upload.
    let refusal: unknown;
    const lively = this.#liveliness(key);
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        for await (const piece of checkedBytes(key, data, expected, signal)) {
          lively(piece.byteLength);
          yield piece.slice();
        }
        lively(0);
      } catch (reason) {
        refusal = reason;
        throw reason;
      }
    }
    const meta = { name: key, options: { max_chunk_size: CHUNK_BYTES } };
    const attempt = () => this.#objects.put(meta, streamOf(pieces()));
    try {
      await this.#link.once(`store ${key}`, attempt, PATIENCE_MS, signal);
    } catch (reason) {
      throw refusal ?? reason;
    }
  }

  /** What throws when a chunk took so long that a sweep may soon take the upload for one that was cut off. */
  #liveliness(key: string): (bytes: number) => void {
    const { clock } = this.#link;
    let unsent = 0;
    let since = clock.now();
    return (bytes) => {
      if (clock.now() - since >= this.#graceMs / 2)
        throw new ClusterError("unavailable", `${key}: too little came for ${this.#graceMs / 2} ms`);
      unsent += bytes;
      if (unsent < CHUNK_BYTES) return;
      unsent %= CHUNK_BYTES;
      since = clock.now();
    };
  }

  async stat(key: string, signal: AbortSignal): Promise<BlobInfo | undefined> {
    const info = await this.#info(key, signal);
    return info && { bytes: info.size, sha256: sha256Of(info) };
  }

  async *get(key: string, offset: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const info = await this.#info(key, signal);
    if (info === undefined) throw new ClusterError("artifact_unavailable", `${key} is not stored`);
    const subject = `$O.${this.#name}.C.${info.nuid}`;
    const hash = createHash("sha256");
    let seq = 1;
    let at = 0;
    while (at < info.size) {
      const chunk = await this.#chunk(subject, seq, signal);
      if (chunk === undefined)
        throw new ClusterError("data_loss", `${key}: byte ${at} of ${info.size} is not stored any more`);
      seq = chunk.seq + 1;
      hash.update(chunk.data);
      const end = at + chunk.data.byteLength;
      if (end === info.size && hash.digest("hex") !== sha256Of(info))
        throw new ClusterError("data_loss", `${key}: what is stored has another sha256 than what was`);
      if (end > offset) yield chunk.data.subarray(Math.max(0, offset - at));
      at = end;
    }
  }

  async *keys(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    const metas = `$O.${this.#name}.M.`;
    const ask = () => this.#link.jsm.streams.info(`OBJ_${this.#name}`, { subjects_filter: `${metas}>` });
    const { state } = await this.#link.call("list blobs", ask, PATIENCE_MS, signal);
    for (const subject of Object.keys(state.subjects ?? {})) {
      signal.throwIfAborted();
      const key = Buffer.from(subject.slice(metas.length), "base64url").toString();
      if (key.startsWith(prefix)) yield key;
    }
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    if ((await this.#info(key, signal)) === undefined) return;
    await this.#link.call(`delete ${key}`, () => this.#objects.delete(key), PATIENCE_MS, signal);
    // The mark that is left says nothing to anybody.
    const filter = `$O.${this.#name}.M.${paddedBase64(key)}`;
    const purge = () => this.#link.jsm.streams.purge(`OBJ_${this.#name}`, { filter });
    await this.#link.call(`forget ${key}`, purge, PATIENCE_MS, signal);
  }

  /** Goes by the servers' clock alone: ours may be wrong by more than the grace. */
  async sweep(signal: AbortSignal): Promise<number> {
    const stream = `OBJ_${this.#name}`;
    const ask = () => this.#link.jsm.streams.info(stream, { subjects_filter: `$O.${this.#name}.C.>` });
    // Servers tell the time since 2.10; it is not before that of the last message.
    const { state, ts = state.last_ts } = await this.#link.call("list uploads", ask, PATIENCE_MS, signal);
    // Asked afterwards: whatever was whole when the chunks were listed is named by now.
    const named = await this.#named(signal);
    let swept = 0;
    for (const subject of Object.keys(state.subjects ?? {})) {
      if (named.has(subject)) continue;
      const find = () => this.#link.jsm.streams.getMessage(stream, { last_by_subj: subject });
      const last = await this.#link.call("date an upload", find, PATIENCE_MS, signal);
      if (last === null || Date.parse(ts) - Date.parse(last.timestamp) < this.#graceMs) continue;
      const purge = () => this.#link.jsm.streams.purge(stream, { filter: subject });
      await this.#link.call("remove an upload", purge, PATIENCE_MS, signal);
      swept += 1;
    }
    return swept;
  }

  /** The subjects of the chunks of all blobs. */
  async #named(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const named = new Set<string>();
    for (let seq = 1; ; ) {
      const found = await this.#next(`$O.${this.#name}.M.>`, seq, signal);
      if (found === null) return named;
      const { nuid, deleted } = found.json<ObjectInfo>();
      if (!deleted) named.add(`$O.${this.#name}.C.${nuid}`);
      seq = found.seq + 1;
    }
  }

  async #info(key: string, signal: AbortSignal): Promise<ObjectInfo | undefined> {
    const ask = () => this.#objects.info(key);
    const info = await this.#link.call(`find ${key}`, ask, PATIENCE_MS, signal);
    return info === null || info.deleted ? undefined : info;
  }

  /** The chunk at this place in the stream or later. */
  async #chunk(
    subject: string,
    seq: number,
    signal: AbortSignal,
  ): Promise<{ readonly data: Uint8Array; readonly seq: number } | undefined> {
    const stream = `OBJ_${this.#name}`;
    // Any copy may answer: chunks never change. One that lags behind does not have it yet, which its leader has.
    const fromAny = () => this.#link.jsm.direct.getMessage(stream, { seq, next_by_subj: subject });
    const found = await this.#link.call("read a blob", fromAny, PATIENCE_MS, signal);
    if (found !== null) return { data: found.data, seq: found.seq };
    const last = await this.#next(subject, seq, signal);
    return last === null ? undefined : { data: last.data, seq: last.seq };
  }

  /** The message at this place in the stream or later, as the stream's leader knows it. */
  async #next(subject: string, seq: number, signal: AbortSignal): Promise<StoredMsg | null> {
    // Servers know this question since 2.9; the types name it for direct answers only.
    const question = { seq, next_by_subj: subject } as MsgRequest;
    const ask = () => this.#link.jsm.streams.getMessage(`OBJ_${this.#name}`, question);
    return this.#link.call("read a blob", ask, PATIENCE_MS, signal);
  }
}

function sha256Of({ digest }: ObjectInfo): string {
  return Buffer.from(digest.slice("SHA-256=".length), "base64url").toString("hex");
}

function paddedBase64(text: string): string {
  return Buffer.from(text).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      await pieces.return(undefined);
    },
  });
}
