import { fileURLToPath } from "node:url";
import { ClusterError, type Random } from "@cogfleet/core";
import {
  type Checkpoint,
  checkWeights,
  type ModelFacts,
  openCheckpoint,
  resolveRequest,
} from "@cogfleet/model";
import { choiceProblem, parseParallel } from "@cogfleet/parallel";
import type { Submission } from "./client/generation.js";

/** The checkpoint that comes with Cogfleet. */
const DEMO_MODEL = fileURLToPath(new URL("../../models/demo", import.meta.url));

/** What `--model` stands for. */
export interface ModelChoice {
  /** As workers offer it; undefined: the only one there is. */
  readonly name: string | undefined;
  /** The checkpoint's folder on this machine; undefined when the name alone was given. */
  readonly folder: string | undefined;
  /** What the folder's checkpoint lets users ask for. */
  readonly facts: ModelFacts | undefined;
}

/** The checkpoint in the folder that `--model` names (default: the bundled one); `invalid_checkpoint` names the flag. */
export async function openFolder(folder: string | undefined, signal: AbortSignal): Promise<Checkpoint> {
  try {
    return await openCheckpoint(folder ?? DEMO_MODEL, signal);
  } catch (reason) {
    if (folder === undefined || !(reason instanceof ClusterError) || reason.code !== "invalid_checkpoint")
      throw reason;
    throw new ClusterError(reason.code, `--model: ${reason.message}`, { cause: reason });
  }
}

/** The same with its weights checked. */
export async function chooseFolder(
  folder: string | undefined,
  signal: AbortSignal,
): Promise<ModelChoice & { readonly folder: string }> {
  const checkpoint = await openFolder(folder, signal);
  checkWeights(checkpoint);
  return { name: checkpoint.facts.name, folder: checkpoint.folder, facts: checkpoint.facts };
}

/** `--model` of a job for a running coordinator: what has a slash or a dot in front is a folder, else it is a name. */
export async function chooseModel(model: string | undefined, signal: AbortSignal): Promise<ModelChoice> {
  if (model === undefined || !/[/\\]|^\.{1,2}$/.test(model))
    return { name: model, folder: undefined, facts: undefined };
  return chooseFolder(model, signal);
}

/** Refuses what the gate of the coordinator would refuse, before a process is started. */
export function checkRequest(facts: ModelFacts, submission: Submission, random: Random): void {
  const { guidanceScale } = resolveRequest(facts, submission, random);
  const problem = choiceProblem(parseParallel(submission.parallel ?? "auto") ?? {}, guidanceScale);
  if (problem !== undefined)
    throw new ClusterError("invalid_request", `--parallel ${submission.parallel} ${problem}`);
}
