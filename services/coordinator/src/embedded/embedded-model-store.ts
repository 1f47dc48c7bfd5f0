import { orAbort } from "@cogfleet/core";
import type { KnownModel, ModelStore } from "../model-store.js";
import { sealRecord } from "../record.js";
import type { EmbeddedJobStoreDeps } from "./embedded-job-store.js";
import { EVERY_MODEL, modelKey } from "./keys.js";

/** Models beside the jobs in the same LevelDB folder. */
export class EmbeddedModelStore implements ModelStore {
  readonly #deps: EmbeddedJobStoreDeps;

  constructor(deps: EmbeddedJobStoreDeps) {
    this.#deps = deps;
  }

  async all(signal: AbortSignal): Promise<readonly KnownModel[]> {
    signal.throwIfAborted();
    const { database, damage } = this.#deps;
    const records = await database.use((level) => level.iterator(EVERY_MODEL).all());
    const models: KnownModel[] = [];
    for (const [key, record] of records) {
      const model = await damage.unseal(key, record);
      if (model !== undefined) models.push(model as KnownModel);
    }
    return models;
  }

  async put(model: KnownModel, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const key = modelKey(model.name);
    await orAbort(
      this.#deps.commits.run([], (transaction) => transaction.put(key, sealRecord(model)), signal),
      signal,
    );
  }
}
