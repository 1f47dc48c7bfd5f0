import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { FleetBoard, WorkerView } from "../fleet-board.js";
import { sealRecord, unsealRecord } from "../record.js";
import type { Bucket } from "./bucket.js";
import type { BucketFeed } from "./bucket-feed.js";

const KEY = "fleet.workers";
const PATIENCE = { patienceMs: 5_000 };

/** The leader's workers under one key, beside the jobs. */
export class NatsFleetBoard implements FleetBoard {
  readonly #bucket: Bucket;
  #workers: readonly WorkerView[] = [];

  constructor(bucket: Bucket, feed: BucketFeed) {
    this.#bucket = bucket;
    feed.read("fleet", {
      change: (_name, { value }) => {
        // Those of a thousand workers are some ten kilobytes.
        if (value !== undefined)
          this.#workers = unsealRecord(inflateRawSync(unsealRecord(value) as Uint8Array)) as WorkerView[];
      },
    });
  }

  async show(workers: readonly WorkerView[], signal: AbortSignal): Promise<void> {
    const message = sealRecord(deflateRawSync(sealRecord(workers), { level: 1 }));
    for (;;) {
      const { revision } = await this.#bucket.look(KEY, PATIENCE, signal);
      if ((await this.#bucket.write(KEY, message, revision, PATIENCE, signal)) !== undefined) return;
    }
  }

  workers(): readonly WorkerView[] {
    return this.#workers;
  }
}
