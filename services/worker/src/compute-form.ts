import { ClusterError } from "@cogfleet/core";
import type { Runtime } from "@cogfleet/model";
import type { Plan } from "@cogfleet/parallel";

/** What is loaded of the transformer: one graph, or segments between the exchanges of ranks that share its rows. */
export type TransformerForm = "whole" | "segments";

/** What the ranks of a plan need. */
export function formOf(plan: Pick<Plan, "context">): TransformerForm {
  return plan.context === 1 ? "whole" : "segments";
}

/**
 * Keeps one form of a model loaded. Sessions leak memory when they are released, so another form comes with another
 * runtime: the one before is ended first, since two forms need not fit into memory together. Calls must not overlap.
 */
export class ComputeForms<Loaded> {
  readonly #start: () => Runtime;
  readonly #load: (runtime: Runtime, form: TransformerForm, signal: AbortSignal) => Promise<Loaded>;
  #current:
    | { readonly form: TransformerForm; readonly runtime: Runtime; readonly loaded: Loaded }
    | undefined;
  #runtime: Runtime | undefined;
  #isClosed = false;

  constructor(
    start: () => Runtime,
    load: (runtime: Runtime, form: TransformerForm, signal: AbortSignal) => Promise<Loaded>,
  ) {
    this.#start = start;
    this.#load = load;
  }

  get form(): TransformerForm | undefined {
    return this.#current?.form;
  }

  /** The model in this form. What fails while loading leaves nothing loaded: the next call tries anew. */
  async take(form: TransformerForm, signal: AbortSignal): Promise<Loaded> {
    this.#requireOpen();
    if (this.#current?.form === form) return this.#current.loaded;
    await this.#end();
    this.#requireOpen(); // nobody would end a runtime that is started now
    const runtime = this.#start();
    this.#runtime = runtime;
    try {
      const loaded = await this.#load(runtime, form, signal);
      this.#current = { form, runtime, loaded };
      return loaded;
    } catch (reason) {
      await this.#end();
      throw reason;
    }
  }

  /** Ends the runtime; waits for a run in progress. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new ClusterError("cancelled", "the model was closed");
  }

  async #end(): Promise<void> {
    this.#current = undefined;
    await this.#runtime?.close();
    this.#runtime = undefined;
  }
}
