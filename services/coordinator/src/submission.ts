import { createHash } from "node:crypto";
import { ClusterError, type Random } from "@cogfleet/core";
import type { GenerationArguments, ModelFacts, ResolvedArguments } from "@cogfleet/model";
import { choiceProblem, PARALLEL_RULE, parseParallel } from "@cogfleet/parallel";
import { ARTIFACT_KINDS, type ArtifactKind, DEFAULT_TENANT, type JobRequest } from "./job.js";

/** A submission as the client sent it: what was left out is undefined, and nothing has been checked. */
export interface SubmitBody extends GenerationArguments {
  readonly model: string | undefined;
  readonly parallel: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly priority: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly embedMetadata: boolean | undefined;
  /** Names from ARTIFACT_KINDS, or whatever else came. */
  readonly extraArtifacts: readonly string[];
  readonly tenant: string | undefined;
  /** Wall time, milliseconds; NaN for what is no time. */
  readonly deadline: number | undefined;
  readonly maxRunSeconds: number | undefined;
  readonly allowVaeTilingFallback: boolean | undefined;
}

/** The model's own gate: fills in defaults, or throws `invalid_request` with every problem. */
export type RequestGate = (facts: ModelFacts, args: GenerationArguments, random: Random) => ResolvedArguments;

const MAX_KEY_CHARACTERS = 256;
const MAX_LABELS = 64;
const MAX_LABEL_CHARACTERS = 256;
const MAX_PRIORITY = 100;
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;
const LATEST_MS = Date.UTC(9999, 11, 31); // of a protobuf timestamp

/** Whether a job can belong to this tenant. */
export function isTenant(name: string): boolean {
  return TENANT.test(name);
}

/** What is wrong with the name of a tenant, in a sentence; undefined: nothing. */
export function tenantProblem(name: string): string | undefined {
  if (isTenant(name)) return undefined;
  return `tenant "${shorten(name)}" must have 1 to 63 letters, digits, '.', '_' and '-', a letter or digit first`;
}

/** Tells bodies apart: equal for two bodies when each field is, in whatever order the labels came. */
export function bodySha256(body: SubmitBody): string {
  const canonical = JSON.stringify(body, (_name, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash("sha256").update(canonical).digest("hex");
}

/**
 * The complete request, or `invalid_request` that names field, value and rule of every problem.
 * @param now wall time, milliseconds
 */
export function resolveSubmission(
  body: SubmitBody,
  facts: ModelFacts,
  gate: RequestGate,
  random: Random,
  now: number,
): JobRequest {
  const problems = [...serviceProblems(body), ...timeProblems(body, now)];
  let resolved: ResolvedArguments | undefined;
  try {
    resolved = gate(facts, body, random);
  } catch (reason) {
    if (!(reason instanceof ClusterError) || reason.code !== "invalid_request") throw reason;
    problems.unshift(reason.message);
  }
  const choice = parseParallel(body.parallel ?? "auto");
  if (resolved !== undefined && choice !== undefined) {
    const problem = choiceProblem(choice, resolved.guidanceScale);
    if (problem !== undefined) problems.push(`parallel "${body.parallel}" ${problem}`);
  }
  if (resolved === undefined || problems.length > 0) {
    throw new ClusterError("invalid_request", problems.join("; "));
  }
  return {
    ...resolved,
    model: facts.name,
    parallel: body.parallel ?? "auto",
    idempotencyKey: body.idempotencyKey,
    priority: body.priority ?? 0,
    labels: { ...body.labels },
    embedMetadata: body.embedMetadata ?? true,
    extraArtifacts: ARTIFACT_KINDS.filter((kind) => kind !== "video" && body.extraArtifacts.includes(kind)),
    tenant: body.tenant ?? DEFAULT_TENANT,
    deadline: body.deadline,
    maxRunSeconds: body.maxRunSeconds,
    allowVaeTilingFallback: body.allowVaeTilingFallback ?? false,
  };
}

function serviceProblems(body: SubmitBody): string[] {
  const problems: string[] = [];
  const { idempotencyKey: key, priority, parallel, tenant } = body;
  if (key !== undefined && (key === "" || key.length > MAX_KEY_CHARACTERS)) {
    problems.push(`idempotency_key of ${key.length} characters must have 1 to ${MAX_KEY_CHARACTERS}`);
  }
  if (priority !== undefined && Math.abs(priority) > MAX_PRIORITY) {
    problems.push(`priority ${priority} must be an integer from -${MAX_PRIORITY} to ${MAX_PRIORITY}`);
  }
  const wrongTenant = tenant === undefined ? undefined : tenantProblem(tenant);
  if (wrongTenant !== undefined) problems.push(wrongTenant);
  if (parallel !== undefined && parseParallel(parallel) === undefined)
    problems.push(`parallel "${shorten(parallel)}" ${PARALLEL_RULE}`);
  return [...problems, ...labelProblems(body.labels), ...artifactProblems(body.extraArtifacts)];
}

function timeProblems({ deadline, maxRunSeconds }: SubmitBody, now: number): string[] {
  const problems: string[] = [];
  if (deadline !== undefined && !(deadline > now && deadline <= LATEST_MS)) {
    const given = Math.abs(deadline) <= LATEST_MS ? new Date(deadline).toISOString() : "(no time)";
    problems.push(`deadline ${given} must be in the future; it is ${new Date(now).toISOString()}`);
  }
  if (maxRunSeconds !== undefined && !(maxRunSeconds > 0 && Number.isFinite(maxRunSeconds)))
    problems.push(`max_run_seconds ${maxRunSeconds} must be a finite number above 0`);
  return problems;
}

function labelProblems(labels: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(labels);
  const problems = entries
    .filter(([name, value]) => name === "" || Math.max(name.length, value.length) > MAX_LABEL_CHARACTERS)
    .slice(0, 3)
    .map(
      ([name]) =>
        `labels["${shorten(name)}"] must have a name of 1 and a value of 0 to ${MAX_LABEL_CHARACTERS} characters`,
    );
  if (entries.length > MAX_LABELS)
    problems.push(`labels of ${entries.length} entries must have at most ${MAX_LABELS}`);
  return problems;
}

function artifactProblems(kinds: readonly string[]): string[] {
  const isKnown = (kind: string): kind is ArtifactKind => ARTIFACT_KINDS.some((known) => known === kind);
  return [...new Set(kinds)]
    .filter((kind) => !isKnown(kind))
    .slice(0, 3)
    .map((kind) => `extra_artifacts "${shorten(kind)}" must be one of ${ARTIFACT_KINDS.join(", ")}`);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
