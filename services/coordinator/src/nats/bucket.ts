import { ClusterError } from "@cogfleet/core";
import { type KV, type KvEntry, Kvm } from "@nats-io/kv";
import { isConflict, isStreamMissing } from "./nats-error.js";
import type { NatsLink } from "./nats-link.js";

/** What a bucket holds under a key. */
export interface BucketEntry {
  readonly value: Buffer;
  /** Names this version, and its place among all writes of the bucket. */
  readonly revision: number;
}

/** What was under a key, and what a write to it must name: a key that was deleted still has a revision. */
export interface BucketLook {
  readonly entry: BucketEntry | undefined;
  /** 0: there never was anything, as far as the bucket remembers. */
  readonly revision: number;
}

export interface BucketPatience {
  /** How long a call waits for servers that are away, milliseconds. */
  readonly patienceMs: number;
}

/**
 * A key-value bucket whose reads are answered by the leader of its stream: what was acknowledged anywhere is seen. Each
 * write is a compare and set.
 */
export class Bucket {
  readonly name: string;
  readonly #link: NatsLink;
  readonly #kv: KV;
  #newest = 0;

  private constructor(name: string, link: NatsLink, kv: KV) {
    this.name = name;
    this.#link = link;
    this.#kv = kv;
  }

  /** Makes it when it is not there, and sees to its number of replicas. */
  static async open(
    link: NatsLink,
    name: string,
    replicas: number,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<Bucket> {
    const kvm = new Kvm(link.js);
    const open = async (): Promise<KV> => {
      await ensureStream(link, `KV_${name}`, replicas, async () => {
        await kvm.create(name, { history: 1, replicas, allow_direct: false });
      });
      return kvm.open(name, { allow_direct: false });
    };
    return new Bucket(name, link, await link.call(`open bucket ${name}`, open, patienceMs, signal));
  }

  /** The highest revision that this process was told of by an answer: there are as many writes at least. */
  get newest(): number {
    return this.#newest;
  }

  async look(key: string, { patienceMs }: BucketPatience, signal: AbortSignal): Promise<BucketLook> {
    const found = await this.#link.call(`read ${key}`, () => this.#kv.get(key), patienceMs, signal);
    this.#newest = Math.max(this.#newest, found?.revision ?? 0);
    return { entry: found === null ? undefined : entryOf(found), revision: found?.revision ?? 0 };
  }

  /**
   * Writes over `revision`, or makes the key when that is 0; undefined when another writer was faster. A write whose
   * answer was lost is found again by its bytes.
   */
  async write(
    key: string,
    value: Buffer,
    revision: number,
    { patienceMs }: BucketPatience,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (value.byteLength > this.#link.maxPayload - 1024)
      throw new ClusterError(
        "resource_exhausted",
        `${key} of ${value.byteLength} bytes does not fit a message of NATS: max_payload is ${this.#link.maxPayload}`,
      );
    const attempt = async (isRetry: boolean): Promise<number | undefined> => {
      try {
        return await this.#kv.put(key, value, { previousSeq: revision });
      } catch (reason) {
        if (!isConflict(reason)) throw reason;
        const found = await this.#kv.get(key);
        // A leader without a majority holds writes that it cannot decide, and shows none of them.
        if ((found?.revision ?? 0) === revision)
          throw new ClusterError("unavailable", `NATS did not decide on a write of ${key}`, {
            cause: reason,
          });
        const entry = found === null ? undefined : entryOf(found);
        if (!isRetry || entry === undefined || !entry.value.equals(value)) return undefined;
        return entry.revision > revision ? entry.revision : undefined;
      }
    };
    const written = await this.#link.call(`write ${key}`, attempt, patienceMs, signal);
    this.#newest = Math.max(this.#newest, written ?? 0);
    return written;
  }

  /** Leaves a mark in place of this version; false when another writer was faster. */
  async remove(
    key: string,
    revision: number,
    { patienceMs }: BucketPatience,
    signal: AbortSignal,
  ): Promise<boolean> {
    const attempt = async (): Promise<boolean> => {
      try {
        await this.#kv.delete(key, { previousSeq: revision });
        return true;
      } catch (reason) {
        if (isConflict(reason)) return false;
        throw reason;
      }
    };
    return this.#link.call(`delete ${key}`, attempt, patienceMs, signal);
  }

  /** Forgets the mark that a removal has left, unless the key was written again. */
  async forget(key: string, revision: number, patienceMs: number, signal: AbortSignal): Promise<void> {
    const purge = { filter: `$KV.${this.name}.${key}`, seq: revision + 1 };
    const attempt = () => this.#link.jsm.streams.purge(`KV_${this.name}`, purge);
    await this.#link.call(`forget ${key}`, attempt, patienceMs, signal);
  }

  /**
   * All entries and marks as they are, or those of a revision and later, then each change; undefined in between: these
   * were all that were there. Ends when the signal aborts, and when the servers end it.
   */
  async *follow(
    fromRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<BucketChange | undefined, void, undefined> {
    const changes = await this.#kv.watch(fromRevision === 0 ? {} : { resumeFromRevision: fromRevision });
    const stop = (): void => changes.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop(); // it may have, while the servers were asked
    try {
      // When nothing is there, nothing will say so.
      const { last_seq: last, messages } = (await this.#kv.status()).streamInfo.state;
      let isCaughtUp = messages === 0 || last < fromRevision;
      if (isCaughtUp) yield undefined;
      for await (const { key, value, revision, operation, delta } of changes) {
        const isThere = operation === "PUT";
        yield { key, revision, value: isThere ? Buffer.from(value) : undefined };
        if (!isCaughtUp && delta === 0) {
          isCaughtUp = true;
          yield undefined;
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      changes.stop();
    }
  }
}

/** A change of one key. */
export interface BucketChange {
  readonly key: string;
  readonly revision: number;
  /** Undefined: it was removed. */
  readonly value: Buffer | undefined;
}

/** Makes a stream when it is not there, and gives it its number of replicas. */
export async function ensureStream(
  link: NatsLink,
  stream: string,
  replicas: number,
  create: () => Promise<void>,
): Promise<void> {
  const found = await link.jsm.streams.info(stream).catch((reason: unknown) => {
    if (isStreamMissing(reason)) return undefined;
    throw reason;
  });
  if (found === undefined) {
    await create();
    return;
  }
  const { num_replicas: before } = found.config;
  if (before === replicas) return;
  await link.jsm.streams.update(stream, { num_replicas: replicas });
  link.log.warn({ stream, before, replicas }, "number of replicas changed");
}

function entryOf(found: KvEntry): BucketEntry | undefined {
  if (found.operation !== "PUT") return undefined;
  const { value, revision } = found;
  return { value: Buffer.from(value.buffer, value.byteOffset, value.byteLength), revision };
}
