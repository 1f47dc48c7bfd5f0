import { ClusterError, parseTraceparent } from "@cogfleet/core";
import type { DownloadRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadRequest";
import type { ListRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListRequest";
import type { SubmitRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import type { Timestamp__Output } from "@cogfleet/proto/gen/google/protobuf/Timestamp";
import type { Metadata } from "@grpc/grpc-js";
import { ARTIFACT_KINDS, type ArtifactKind, JOB_STATES } from "../job.js";
import type { JobQuery } from "../job-store.js";
import { type SubmitBody, tenantProblem } from "../submission.js";
import { WIRE_ARTIFACT_KIND, WIRE_STATE } from "./job-to-wire.js";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

/** The body as it was sent: an optional field that was left out is undefined here, one that was set to 0 is not. */
export function submitFromWire(wire: SubmitRequest__Output): SubmitBody {
  return {
    prompt: wire.prompt,
    negativePrompt: wire.negativePrompt,
    seed: wire.seed,
    numInferenceSteps: wire.numInferenceSteps,
    guidanceScale: wire.guidanceScale,
    useDynamicCfg: wire.useDynamicCfg,
    scheduler: wire.scheduler,
    numFrames: wire.numFrames,
    height: wire.height,
    width: wire.width,
    fps: wire.fps,
    maxSequenceLength: wire.maxSequenceLength,
    vaeTiling: wire.vaeTiling,
    model: wire.model,
    parallel: wire.parallel,
    idempotencyKey: wire.idempotencyKey,
    priority: wire.priority,
    labels: wire.labels,
    embedMetadata: wire.embedMetadata,
    extraArtifacts: wire.extraArtifacts.map((kind) => artifactKindFromWire(kind) ?? String(kind)),
    tenant: wire.tenant,
    deadline: wire.deadline === null ? undefined : timestampFromWire(wire.deadline),
    maxRunSeconds: wire.maxRunSeconds,
    allowVaeTilingFallback: wire.allowVaeTilingFallback,
  };
}

/** Undefined when there is none, or what is there is none. */
export function traceparentOf(metadata: Metadata): string | undefined {
  const [text] = metadata.get("traceparent");
  return typeof text === "string" && parseTraceparent(text) !== undefined ? text : undefined;
}

/** Wall time, milliseconds; NaN for what is no timestamp. */
function timestampFromWire({ seconds, nanos }: Timestamp__Output): number {
  const isTimestamp = nanos >= 0 && nanos < 1e9;
  return isTimestamp ? Number(seconds) * 1000 + Math.floor(nanos / 1e6) : Number.NaN;
}

/** Throws `invalid_request` for a page size, a token or a state that is none. */
export function listFromWire(wire: ListRequest__Output): JobQuery {
  const problems: string[] = [];
  if (wire.pageSize > MAX_PAGE)
    problems.push(`page_size ${wire.pageSize} must be an integer from 1 to ${MAX_PAGE}`);
  if (!/^\d{0,15}$/.test(wire.pageToken)) {
    problems.push(`page_token "${wire.pageToken.slice(0, 40)}" must be the next_page_token of a page before`);
  }
  const wrongTenant = wire.tenant === "" ? undefined : tenantProblem(wire.tenant);
  if (wrongTenant !== undefined) problems.push(wrongTenant);
  const states = wire.states.map((wanted) => JOB_STATES.find((state) => WIRE_STATE[state] === wanted));
  if (states.includes(undefined)) problems.push(`states ${wire.states.join(", ")} must be states of jobs`);
  if (problems.length > 0) throw new ClusterError("invalid_request", problems.join("; "));
  return {
    states: states.filter((state) => state !== undefined),
    labels: wire.labels,
    tenant: wire.tenant === "" ? undefined : wire.tenant,
    before: wire.pageToken === "" ? undefined : Number(wire.pageToken),
    limit: wire.pageSize === 0 ? DEFAULT_PAGE : wire.pageSize,
  };
}

export interface DownloadQuery {
  readonly kind: ArtifactKind;
  /** Bytes. */
  readonly offset: number;
}

/** Throws `invalid_request` for a kind or an offset that is none. */
export function downloadFromWire(wire: DownloadRequest__Output): DownloadQuery {
  const kind = wire.kind === "ARTIFACT_KIND_UNSPECIFIED" ? "video" : artifactKindFromWire(wire.kind);
  if (kind === undefined) {
    throw new ClusterError(
      "invalid_request",
      `kind ${wire.kind} must be one of ${Object.values(WIRE_ARTIFACT_KIND).join(", ")}`,
    );
  }
  return { kind, offset: integerFromWire(wire.offset) };
}

/** Undefined for what is not a kind of ours. */
export function artifactKindFromWire(wire: string | number): ArtifactKind | undefined {
  return ARTIFACT_KINDS.find((kind) => WIRE_ARTIFACT_KIND[kind] === wire);
}

/** A uint64 as a number; what is too large for one becomes Infinity, which every range check refuses. */
export function integerFromWire(digits: string): number {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

export function requireJobId(jobId: string): string {
  if (jobId === "") throw new ClusterError("invalid_request", "job_id must not be empty");
  return jobId;
}
