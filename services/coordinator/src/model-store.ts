import type { ModelFacts } from "@cogfleet/model";

/** Where the models that workers offered are remembered, so that jobs are taken before the first worker is back. */
export interface ModelStore {
  /** Throws `unavailable` when the store cannot be reached. */
  all(signal: AbortSignal): Promise<readonly ModelFacts[]>;

  /** Remembers a model under its name, in place of what that stood for before; durable once it resolves. */
  put(model: ModelFacts, signal: AbortSignal): Promise<void>;
}
