import { sealRecord, unsealRecord } from "../record.js";
import type { LeaseRecord, LeaseRegister } from "../register-lease.js";
import type { Bucket } from "./bucket.js";

const KEY = "leader";
/** The lease asks again by itself, and wants to know at once that nobody answers. */
const AT_ONCE = { patienceMs: 0 };

/** Who leads, under one key of a bucket. */
export class NatsLeaseRegister implements LeaseRegister {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async read(signal: AbortSignal): Promise<{ record: LeaseRecord; revision: string } | undefined> {
    const { entry } = await this.#bucket.look(KEY, AT_ONCE, signal);
    return entry && { record: unsealRecord(entry.value) as LeaseRecord, revision: String(entry.revision) };
  }

  async write(
    record: LeaseRecord,
    revision: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const written = await this.#bucket.write(KEY, sealRecord(record), Number(revision ?? 0), AT_ONCE, signal);
    return written === undefined ? undefined : String(written);
  }
}
