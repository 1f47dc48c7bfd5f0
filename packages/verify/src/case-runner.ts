import type { Precision, Runtime } from "@cogfleet/model";
import type { Check } from "./case-result.js";
import type { GoldenCase } from "./golden-case.js";

/** What a case is computed with. */
export interface CaseContext {
  readonly golden: GoldenCase;
  /** Takes down one comparison. */
  check(check: Check): void;
  /** Where graphs run; started by the first case that asks. */
  runtime(): Runtime;
  /** Where the text encoder runs, in float32 whatever the rest computes in: as in a worker. */
  textRuntime(): Runtime;
  /** Of transformer and VAE. */
  readonly precision: Precision;
  /** How many ranks share transformer, denoise and VAE: 1 computes them as one worker does. */
  readonly ranks: number;
  /** The folder of the case that calls itself `name` in its case.json: beside this one, or anywhere in the set. */
  siblingCase(name: string): Promise<GoldenCase>;
}

/** Computes a case and checks all that it expects. Throws `unsupported`, or whatever stops it. */
export type CaseRunner = (context: CaseContext, signal: AbortSignal) => Promise<void>;

/** Opens something, uses it, and closes it whatever happens. */
export async function withOpen<T extends { close(): Promise<void> }, R>(
  opening: Promise<T>,
  use: (opened: T) => Promise<R>,
): Promise<R> {
  const opened = await opening;
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}
