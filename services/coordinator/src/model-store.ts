import type { ModelConfigs, ModelFacts } from "@cogfleet/model";

/** What workers can do for a model: what a job's work-seconds are counted by, also while no worker is there. */
export interface ModelCapacity {
  /** Undefined when no worker told. */
  readonly configs: ModelConfigs | undefined;
  /** Floating-point operations a second of one worker, averaged over those that offer the model. */
  readonly flopsPerSecond: number;
}

/** A model that a worker has offered. */
export interface KnownModel extends ModelFacts {
  /** Undefined in what an earlier release stored. */
  readonly capacity?: ModelCapacity;
}

/** Where the models that workers offered are remembered, so that jobs are taken before the first worker is back. */
export interface ModelStore {
  /** Throws `unavailable` when the store cannot be reached. */
  all(signal: AbortSignal): Promise<readonly KnownModel[]>;

  /** Remembers a model under its name, in place of what that stood for before; durable once it resolves. */
  put(model: KnownModel, signal: AbortSignal): Promise<void>;
}
