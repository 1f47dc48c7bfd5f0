import type { DenoiseState } from "@cogfleet/model";
import type { AssignmentId, CoordinatorLink } from "./assignment.js";
import { writeCheckpoint } from "./checkpoint-file.js";
import { sha256Of } from "./sha256.js";

/**
 * Stores the state after each step while the next one computes, and reports the step once it is stored: a step that was
 * reported is never computed again. At most one state is under way; who is faster than the coordinator waits for it.
 */
export class StepReporter {
  readonly #link: Pick<CoordinatorLink, "report" | "putCheckpoint">;
  readonly #id: AssignmentId;
  #storing: Promise<void> = Promise.resolve();

  constructor(link: Pick<CoordinatorLink, "report" | "putCheckpoint">, id: AssignmentId) {
    this.#link = link;
    this.#id = id;
  }

  /** Takes a step; throws what went wrong with the one before. */
  async stepDone(state: DenoiseState, seconds: number, signal: AbortSignal): Promise<void> {
    await this.#storing;
    this.#storing = this.#store(state, seconds, signal);
    this.#storing.catch(() => {}); // thrown by whoever comes next
  }

  /** Resolves once every step that was taken is reported. */
  async settled(): Promise<void> {
    await this.#storing;
  }

  async #store(state: DenoiseState, seconds: number, signal: AbortSignal): Promise<void> {
    const { step } = state;
    const data = writeCheckpoint(state);
    const checkpoint = { step, bytes: data.length, sha256: await sha256Of(data, signal) };
    await this.#link.putCheckpoint(this.#id, checkpoint, data, signal);
    this.#link.report({ kind: "step_done", ...this.#id, step, seconds, checkpoint });
  }
}
