import type { ModelFacts } from "@cogfleet/model";
import type { KnownModel, ModelCapacity } from "./model-store.js";
import { USUAL_RATE } from "./planning.js";
import type { Connection, WorkerFacts } from "./workers.js";

/** Rates change by measuring again; only what changes more is worth a write. */
const NOTICEABLE = 0.05;

/**
 * What the workers that offer a model can do, as work-seconds are counted. Every replica of the coordinator counts with
 * the figures that are stored, so that all answer alike, the workers being connected to only one.
 */
export class Capacities {
  readonly #known: Map<string, KnownModel>;
  readonly #keep: (model: KnownModel) => void;

  /** @param keep told of a model whose figures have changed, to be stored */
  constructor(known: readonly KnownModel[], keep: (model: KnownModel) => void = () => {}) {
    this.#known = new Map(known.map((model) => [model.name, model]));
    this.#keep = keep;
  }

  /** Of a model that nobody has offered: what is usual. */
  of(model: string): ModelCapacity {
    return this.#known.get(model)?.capacity ?? { configs: undefined, flopsPerSecond: USUAL_RATE };
  }

  /** Whether a worker ever offered it. */
  isKnown(model: string): boolean {
    return this.#known.has(model);
  }

  /** Models that a worker has offered, ever. */
  models(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** A model as a worker offers it, with what is known of workers' capacity for it. */
  describe(facts: ModelFacts): KnownModel {
    const { digest, capacity } = this.#known.get(facts.name) ?? {};
    return capacity === undefined || digest !== facts.digest ? facts : { ...facts, capacity };
  }

  /** Another replica has stored these. */
  learn(models: readonly KnownModel[]): void {
    for (const model of models) this.#known.set(model.name, model);
  }

  /** The workers that are connected have changed. */
  workersChanged(connections: readonly Pick<Connection, "worker">[]): void {
    const offers = new Map<string, { facts: ModelFacts; workers: WorkerFacts[] }>();
    for (const { worker } of connections)
      for (const facts of worker.models) {
        const offer = offers.get(facts.name) ?? { facts, workers: [] };
        offers.set(facts.name, offer);
        offer.workers.push(worker);
      }
    for (const { facts, workers } of offers.values()) {
      const before = this.#known.get(facts.name);
      const capacity = capacityOf(facts, workers);
      if (before !== undefined && isAlike(before, facts, capacity)) continue;
      const model = { ...facts, capacity };
      this.#known.set(facts.name, model);
      this.#keep(model);
    }
  }
}

function capacityOf({ name }: ModelFacts, workers: readonly WorkerFacts[]): ModelCapacity {
  const rates = workers.map(({ flopsPerSecond }) => flopsPerSecond || USUAL_RATE);
  return {
    configs: workers.find(({ configs }) => configs.has(name))?.configs.get(name),
    flopsPerSecond: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
  };
}

function isAlike(before: KnownModel, { digest }: ModelFacts, { configs, flopsPerSecond }: ModelCapacity) {
  const { capacity } = before;
  if (capacity === undefined || before.digest !== digest) return false;
  if ((capacity.configs === undefined) !== (configs === undefined)) return false;
  return Math.abs(flopsPerSecond - capacity.flopsPerSecond) <= NOTICEABLE * capacity.flopsPerSecond;
}
