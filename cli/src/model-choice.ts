import { fileURLToPath } from "node:url";
import { ClusterError, type Random } from "@cogfleet/core";
import { checkWeights, type ModelFacts, openCheckpoint, resolveRequest } from "@cogfleet/model";
import type { Submission } from "./client/generation.js";

/** The checkpoint that comes with Cogfleet. */
export const DEMO_MODEL = fileURLToPath(new URL("../../models/demo", import.meta.url));

/** What `--model` stands for. */
export interface ModelChoice {
  /** As workers offer it; undefined: the only one there is. */
  readonly name: string | undefined;
  /** The checkpoint's folder on this machine; undefined when the name alone was given. */
  readonly folder: string | undefined;
  /** What the folder's checkpoint lets users ask for. */
  readonly facts: ModelFacts | undefined;
}

/** The checkpoint in `folder` (default: the bundled one), checked: `invalid_checkpoint` names what is wrong. */
export async function chooseFolder(
  folder: string | undefined,
  signal: AbortSignal,
): Promise<ModelChoice & { readonly folder: string }> {
  const checkpoint = await openCheckpoint(folder ?? DEMO_MODEL, signal);
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
  if (submission.parallel !== undefined && submission.parallel.trim() === "")
    throw new ClusterError("invalid_request", "--parallel must not be blank");
  resolveRequest(facts, submission, random);
}
