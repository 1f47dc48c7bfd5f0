import { type Logger, neverAborts } from "@cogfleet/core";
import type { KnownModel, ModelStore } from "./model-store.js";

/** Writes offered models down in the background: a worker need not wait for that. */
export class ModelMemory {
  readonly #store: ModelStore;
  readonly #log: Logger;
  readonly #writing = new Set<Promise<void>>();

  constructor(store: ModelStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  load(): Promise<readonly KnownModel[]> {
    return this.#store.all(neverAborts);
  }

  /** One that could not be written is written when a worker offers it the next time. */
  keep(model: KnownModel): void {
    const writing = this.#store
      .put(model, neverAborts)
      .catch((err: unknown) => this.#log.warn({ err, model: model.name }, "model was not written down"))
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    while (this.#writing.size > 0) await Promise.all(this.#writing);
  }
}
