import { ClusterError } from "@cogfleet/core";
import type { ModelFacts } from "@cogfleet/model";

/** The models that workers have offered. They stay known while nobody offers them. */
export class ModelCatalog {
  readonly #models: Map<string, ModelFacts>;
  readonly #onOffer: (model: ModelFacts) => void;

  /**
   * @param known models of earlier, as this process remembers them
   * @param onOffer told of each model that a worker offers
   */
  constructor(known: readonly ModelFacts[] = [], onOffer: (model: ModelFacts) => void = () => {}) {
    this.#models = new Map(known.map((model) => [model.name, model]));
    this.#onOffer = onOffer;
  }

  /**
   * Takes note of what a worker offers: all of it or, when anything is wrong, nothing. A name stands for one digest as
   * long as a worker or an unfinished job counts on it; else the newest offer holds.
   * Throws `invalid_checkpoint` that names both digests.
   */
  offer(workerId: string, models: readonly ModelFacts[], isCountedOn: (model: string) => boolean): void {
    const problems = models.flatMap((model) => {
      const known = this.#models.get(model.name);
      if (known === undefined || known.digest === model.digest || !isCountedOn(model.name)) return [];
      return [
        `worker ${workerId} offers model "${model.name}" with digest ${model.digest.slice(0, 12)}, but other workers ` +
          `or unfinished jobs count on digest ${known.digest.slice(0, 12)}: give the checkpoint another name`,
      ];
    });
    if (problems.length > 0) throw new ClusterError("invalid_checkpoint", problems.join("; "));
    for (const model of models) {
      this.#models.set(model.name, model);
      this.#onOffer(model);
    }
  }

  /** Another replica has stored these. */
  learn(models: readonly ModelFacts[]): void {
    for (const model of models) this.#models.set(model.name, model);
  }

  /** By name. */
  all(): readonly ModelFacts[] {
    return [...this.#models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The model that a request means. Throws `unavailable` before any was ever offered, `model_not_found` for a name
   * that was not, `invalid_request` when the name is needed and missing.
   */
  choose(name: string | undefined): ModelFacts {
    const known = this.all();
    const names = known.map((model) => `"${model.name}"`).join(", ");
    const [first] = known;
    if (first === undefined) throw new ClusterError("unavailable", "no worker has offered a model yet");
    if (name === undefined) {
      if (known.length === 1) return first;
      throw new ClusterError("invalid_request", `model is required, as there are several: ${names}`);
    }
    const model = this.#models.get(name);
    if (model === undefined) {
      throw new ClusterError("model_not_found", `no worker has offered model "${name}"; there is ${names}`);
    }
    return model;
  }
}
