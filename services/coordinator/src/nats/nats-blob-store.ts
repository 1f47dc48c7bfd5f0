import { createHash } from "node:crypto";
import { ClusterError } from "@cogfleet/core";
import type { MsgRequest } from "@nats-io/jetstream";
import { type ObjectInfo, type ObjectStore, Objm } from "@nats-io/obj";
import type { BlobInfo, BlobStore } from "../blob-store.js";
import { checkedBytes } from "../checked-bytes.js";
import { ensureStream } from "./bucket.js";
import type { NatsLink } from "./nats-link.js";

const PATIENCE_MS = 5_000;
// An answer that carries one is a third larger, and must fit a message too.
const CHUNK_BYTES = 256 * 1024;

/**
 * Blobs in an object store of NATS JetStream, a message a chunk, each acknowledged before the next is sent. A blob
 * shows once its last chunk is stored: the information about it is written last.
 */
export class NatsBlobStore implements BlobStore {
  readonly #link: NatsLink;
  readonly #name: string;
  readonly #objects: ObjectStore;

  private constructor(link: NatsLink, name: string, objects: ObjectStore) {
    this.#link = link;
    this.#name = name;
    this.#objects = objects;
  }

  /** Makes it when it is not there, and sees to its number of replicas. */
  static async open(
    link: NatsLink,
    name: string,
    replicas: number,
    patienceMs: number,
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
    return new NatsBlobStore(link, name, objects);
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
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        for await (const piece of checkedBytes(key, data, expected, signal)) yield piece.slice();
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
    // Servers know this question since 2.9; the types name it for direct answers only.
    const question = { seq, next_by_subj: subject } as MsgRequest;
    const fromLeader = () => this.#link.jsm.streams.getMessage(stream, question);
    const last = await this.#link.call("read a blob", fromLeader, PATIENCE_MS, signal);
    return last === null ? undefined : { data: last.data, seq: last.seq };
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
