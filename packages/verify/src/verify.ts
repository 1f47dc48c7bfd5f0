import { join } from "node:path";
import { ClusterError } from "@cogfleet/core";
import type { Precision, Runtime } from "@cogfleet/model";
import * as z from "zod";
import type { CaseResult, Check } from "./case-result.js";
import type { CaseContext, CaseRunner } from "./case-runner.js";
import { type FoundCase, findCases } from "./find-cases.js";
import { type GoldenCase, openGoldenCase } from "./golden-case.js";
import { pipelineCase } from "./pipeline-case.js";
import { rngCase } from "./rng-case.js";
import { schedulersCase } from "./schedulers-case.js";
import { textEncoderCase } from "./text-encoder-case.js";
import { tokenizerCase } from "./tokenizer-case.js";
import { transformerCase } from "./transformer-case.js";
import { vaeCase } from "./vae-case.js";
import { weightsCase } from "./weights-case.js";

export interface VerifyOptions {
  /** Starts what graphs run in: at most once, when the first case needs it. `verify` closes it. */
  readonly startRuntime: () => Runtime;
  /** Likewise for the text encoder, which computes in float32; left out, it runs with the rest. */
  readonly startTextRuntime?: () => Runtime;
  /** Of transformer and VAE; in 16 bits tensors pass by their norms (`HALF_PRECISION_REL_L2`). Default fp32. */
  readonly precision?: Precision;
  /** Over how many ranks transformer, denoise and VAE are spread. Default 1. */
  readonly ranks?: number;
}

/** By what the `class` of a case.json begins with; the first that fits. */
const RUNNERS: readonly (readonly [RegExp, CaseRunner])[] = [
  [/^CogVideoX(DDIM|DPM)Scheduler\b/, schedulersCase],
  [/^torch\.randn\b/, rngCase],
  [/^transformers\.T5Tokenizer\b/, tokenizerCase],
  [/^CogVideoXTransformer3DModel, T5EncoderModel$/, weightsCase],
  [/^T5EncoderModel$/, textEncoderCase],
  [/^CogVideoXTransformer3DModel$/, transformerCase],
  [/^AutoencoderKLCogVideoX$/, vaeCase],
  [/^CogVideoXPipeline$/, pipelineCase],
];

const classSchema = z.object({ class: z.string() });
const nameSchema = z.object({ case: z.string() });

/**
 * Computes every golden case under `folder` with the code that serves jobs and compares with what diffusers computed,
 * one result at a time. What is wrong with a case is in its result. Throws only `invalid_request`, when there is no
 * case, and the signal's reason.
 */
export async function* verify(
  folder: string,
  { startRuntime, startTextRuntime, precision = "fp32", ranks = 1 }: VerifyOptions,
  signal: AbortSignal,
): AsyncGenerator<CaseResult, void, undefined> {
  const cases = await findCases(folder, signal);
  const runtime = startedOnce(startRuntime);
  const text = startTextRuntime === undefined ? undefined : startedOnce(startTextRuntime);
  const set = { cases, runtime: runtime.get, textRuntime: (text ?? runtime).get, precision, ranks };
  try {
    for (const found of cases) yield await verifyCase(found, set, signal);
  } finally {
    await Promise.all([runtime.close(), text?.close()]);
  }
}

/** A runtime that the first call starts. */
function startedOnce(start: () => Runtime): { get(): Runtime; close(): Promise<void> } {
  let started: Runtime | undefined;
  return {
    get() {
      started ??= start();
      return started;
    },
    async close() {
      await started?.close();
    },
  };
}

async function verifyCase(
  { name, folder }: FoundCase,
  set: Pick<CaseContext, "runtime" | "textRuntime" | "precision" | "ranks"> & {
    readonly cases: readonly FoundCase[];
  },
  signal: AbortSignal,
): Promise<CaseResult> {
  const checks: Check[] = [];
  try {
    const golden = await openGoldenCase(folder);
    const { class: className } = golden.parse(classSchema);
    const runner = RUNNERS.find(([pattern]) => pattern.test(className))?.[1];
    if (runner === undefined)
      throw new ClusterError("unsupported", `cases of class ${JSON.stringify(className)} are not supported`);
    const context: CaseContext = {
      golden,
      check: (check) => checks.push(check),
      runtime: set.runtime,
      textRuntime: set.textRuntime,
      precision: set.precision,
      ranks: set.ranks,
      siblingCase: (wanted) => findSibling(wanted, folder, set.cases),
    };
    await runner(context, signal);
    const error = verdictOn(checks, golden.unused());
    return error === undefined
      ? { case: name, status: "passed", checks }
      : { case: name, status: "failed", checks, error };
  } catch (reason) {
    signal.throwIfAborted();
    const { code, message } = describe(reason);
    // What is not implemented is no excuse for what was computed and is wrong.
    return code === "unsupported" && checks.every(({ ok }) => ok)
      ? { case: name, status: "unsupported", checks, reason: message }
      : { case: name, status: "failed", checks, error: message };
  }
}

/** Why the case has failed, if it has. */
function verdictOn(checks: readonly Check[], unused: readonly string[]): string | undefined {
  const wrong = checks.filter(({ ok }) => !ok);
  const [first] = wrong;
  if (first !== undefined) {
    const how = first.problem ?? differenceOf(first);
    return `${wrong.length} of ${checks.length} checks failed, such as ${first.name}: ${how}`;
  }
  if (checks.length === 0) return "nothing was compared";
  if (unused.length > 0)
    return `${unused.length} expected tensors were not compared with anything, such as ${unused[0]}`;
  return undefined;
}

function differenceOf({ max_abs, atol, rel_l2, rel_l2_allowed }: Check): string {
  return rel_l2_allowed === undefined
    ? `differs by ${max_abs.toPrecision(3)}, allowed is ${atol}`
    : `differs by ${rel_l2.toPrecision(3)} of its norm, allowed is ${rel_l2_allowed}`;
}

async function findSibling(name: string, folder: string, cases: readonly FoundCase[]): Promise<GoldenCase> {
  for (const candidate of [join(folder, "..", name), ...cases.map((found) => found.folder)]) {
    const golden = await openGoldenCase(candidate).catch(() => undefined);
    if (golden !== undefined && nameSchema.safeParse(golden.json).data?.case === name) return golden;
  }
  throw new ClusterError("invalid_request", `it leans on case ${name}, which is not beside it`);
}

/** Every error as one sentence; a bug keeps its message, since here it is the user's only clue. */
function describe(reason: unknown): { readonly code: string; readonly message: string } {
  if (reason instanceof ClusterError || !(reason instanceof Error)) return ClusterError.from(reason);
  return { code: "internal", message: `${reason.name}: ${reason.message}` };
}
