import { deflateRawSync, inflateRawSync } from "node:zlib";
import { ClusterError } from "@cogfleet/core";
import type { Job, JobEvent } from "../job.js";
import type { StoredJob } from "../job-store.js";
import { sealRecord, unsealRecord } from "../record.js";

// A job and all its events are one message, so that both are written or neither, and a reader needs one request:
//   bytes of the record, 4 bytes little-endian | record of {job, order} | record of its events, deflated
// The order of a job is the revision of its first message: it has none of its own yet.

/** A job as a message. */
export interface JobMessage {
  readonly stored: StoredJob;
  /** As they stand in the message, to be unpacked when somebody asks. */
  readonly events: PackedEvents;
}

/** A byte a character: of a hundred thousand jobs that wait, a string each takes a third of what a buffer does. */
export type PackedEvents = string;

const HEADER_BYTES = 4;

export function encodeJob(job: Job, order: number | undefined, events: PackedEvents): Buffer {
  const record = sealRecord({ job, order });
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(record.byteLength);
  return Buffer.concat([header, record, Buffer.from(events, "latin1")]);
}

/** Throws `data_loss` when the message is damaged. Keeps no part of it. */
export function decodeJob(message: Buffer, revision: number): JobMessage {
  if (message.byteLength < HEADER_BYTES)
    throw new ClusterError("data_loss", `a message of ${message.byteLength} bytes is no job`);
  const end = HEADER_BYTES + message.readUInt32LE();
  const { job, order = revision } = unsealRecord(message.subarray(HEADER_BYTES, end)) as {
    readonly job: Job;
    readonly order: number | undefined;
  };
  return { stored: { job, order, revision }, events: message.toString("latin1", end) };
}

export function packEvents(events: readonly JobEvent[]): PackedEvents {
  // Events of one job are much alike: a thousand of them are then some ten kilobytes.
  return sealRecord(deflateRawSync(sealRecord(events), { level: 1 })).toString("latin1");
}

/** Throws `data_loss` when they are damaged. */
export function unpackEvents(packed: PackedEvents): JobEvent[] {
  return unsealRecord(
    inflateRawSync(unsealRecord(Buffer.from(packed, "latin1")) as Uint8Array),
  ) as JobEvent[];
}
