import { createHash } from "node:crypto";
import { orAbort } from "@cogfleet/core";
import type { KnownModel, ModelStore } from "../model-store.js";
import { sealRecord, unsealRecord } from "../record.js";
import type { Bucket } from "./bucket.js";
import type { BucketFeed } from "./bucket-feed.js";

const PATIENCE = { patienceMs: 5_000 };

/** Models beside the jobs in the same bucket, under `model.HASH` of their names. */
export class NatsModelStore implements ModelStore {
  readonly #bucket: Bucket;
  readonly #models = new Map<string, { readonly model: KnownModel; readonly revision: number }>();

  constructor(bucket: Bucket, feed: BucketFeed) {
    this.#bucket = bucket;
    feed.read("model", {
      change: (name, { value, revision }) => {
        if (value !== undefined) this.#took(name, unsealRecord(value) as KnownModel, revision);
      },
    });
  }

  async all(signal: AbortSignal): Promise<readonly KnownModel[]> {
    signal.throwIfAborted();
    return [...this.#models.values()].map(({ model }) => model);
  }

  async put(model: KnownModel, signal: AbortSignal): Promise<void> {
    const name = createHash("sha256").update(model.name).digest("hex");
    const key = `model.${name}`;
    for (;;) {
      const { revision } = await this.#bucket.look(key, PATIENCE, signal);
      const written = await orAbort(
        this.#bucket.write(key, sealRecord(model), revision, PATIENCE, signal),
        signal,
      );
      if (written === undefined) continue; // the last one holds, whoever it is
      this.#took(name, model, written);
      return;
    }
  }

  #took(name: string, model: KnownModel, revision: number): void {
    if ((this.#models.get(name)?.revision ?? 0) < revision) this.#models.set(name, { model, revision });
  }
}
