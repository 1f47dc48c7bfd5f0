// Between the wire and the domain: generated types stop here.
import { ClusterError, parseTraceparent, type Random } from "@cogfleet/core";
import { type ModelFacts, resolveRequest } from "@cogfleet/model";
import { planSize } from "@cogfleet/parallel";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Artifact as WireArtifact } from "@cogfleet/proto/gen/cogfleet/v1/Artifact";
import type { ArtifactKind as WireArtifactKind } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactKind";
import type { Assign__Output } from "@cogfleet/proto/gen/cogfleet/v1/Assign";
import type { CoordinatorMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { Hello } from "@cogfleet/proto/gen/cogfleet/v1/Hello";
import type { MeasureLink__Output } from "@cogfleet/proto/gen/cogfleet/v1/MeasureLink";
import type { Peer__Output } from "@cogfleet/proto/gen/cogfleet/v1/Peer";
import type { Stage as WireStage } from "@cogfleet/proto/gen/cogfleet/v1/Stage";
import type { Welcome__Output } from "@cogfleet/proto/gen/cogfleet/v1/Welcome";
import type { WorkerMessage } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import type { Artifact, ArtifactKind, AssignmentId, Command, Peer, Report, Stage } from "../assignment.js";
import type { TransformerForm } from "../compute-form.js";
import type { Lease } from "../fleet-client.js";
import type { ModelConfigTexts } from "../video-model.js";
import { planFromWire } from "./plan-from-wire.js";

const WIRE_STAGE = {
  encode: "STAGE_ENCODE",
  denoise: "STAGE_DENOISE",
  decode: "STAGE_DECODE",
} as const satisfies Record<Stage, WireStage>;

const WIRE_KIND = {
  video: "ARTIFACT_KIND_VIDEO",
  latents: "ARTIFACT_KIND_LATENTS",
  frames: "ARTIFACT_KIND_FRAMES",
} as const satisfies Record<ArtifactKind, WireArtifactKind>;
const ARTIFACT_KINDS = ["video", "latents", "frames"] as const;

/** What a worker is, for its hello. */
export interface WorkerFacts {
  readonly id: string;
  /** Such as "cpu" or "cuda:0". */
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  readonly model: ModelFacts;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  /** host:port where peers pull tensors. */
  readonly exchangeAddress: string;
  readonly configs: ModelConfigTexts;
  /** As measured at start. */
  readonly flopsPerSecond: number;
  /** That computing may take, weights included. */
  readonly memoryBytes: number;
  readonly transformerForm: TransformerForm | undefined;
}

export function helloToWire({ id, model, configs, transformerForm, ...rest }: WorkerFacts): Hello {
  const { minHeight, maxHeight, minWidth, maxWidth, maxNumFrames, ...facts } = model;
  return {
    ...rest,
    protocolVersion: PROTOCOL_VERSION,
    workerId: id,
    models: [{ ...facts, limits: { minHeight, maxHeight, minWidth, maxWidth, maxNumFrames } }],
    configs: { [model.name]: configs },
    transformerForm: transformerForm ?? "",
  };
}

/** `incompatible_version` that names both versions; `internal` for intervals that make no sense. */
export function welcomeFromWire(wire: Welcome__Output): Lease {
  const { protocolVersion, heartbeatMs, leaseMs } = wire;
  if (protocolVersion !== PROTOCOL_VERSION)
    throw new ClusterError(
      "incompatible_version",
      `the coordinator speaks protocol version ${protocolVersion}, this worker speaks ${PROTOCOL_VERSION}: run the same release`,
    );
  if (heartbeatMs < 1 || leaseMs < heartbeatMs)
    throw new ClusterError(
      "internal",
      `the coordinator asks for heartbeats every ${heartbeatMs} ms and a lease of ${leaseMs} ms`,
    );
  return { heartbeatMs, leaseMs };
}

/** Undefined for a message that this release does not know. The request is checked again against the model it names. */
export function commandFromWire(
  wire: CoordinatorMessage__Output,
  model: ModelFacts,
  random: Random,
): Command | undefined {
  if (wire.assign) return assignFromWire(wire.assign, model, random);
  if (wire.cancelAssignment) return { kind: "cancel", id: idFromWire(wire.cancelAssignment) };
  if (wire.yieldAssignment) return { kind: "yield", id: idFromWire(wire.yieldAssignment) };
  if (wire.drain) return { kind: "drain" };
  if (wire.measureLink) return measureLinkFromWire(wire.measureLink);
  return undefined;
}

function assignFromWire(wire: Assign__Output, model: ModelFacts, random: Random): Command {
  const id = idFromWire(wire);
  const { request } = wire;
  if (request === null) return { kind: "refuse", id, reason: "the assignment carries no request" };
  if (request.model !== model.name)
    return { kind: "refuse", id, reason: `model ${request.model} is not ${model.name}` };
  try {
    const args = resolveRequest(model, request, random);
    const extraArtifacts = request.extraArtifacts.map(kindFromWire);
    const { embedMetadata = true } = request;
    const place = placeFromWire(wire);
    return { kind: "assign", assignment: { ...id, args, embedMetadata, extraArtifacts, ...place } };
  } catch (reason) {
    return { kind: "refuse", id, reason: ClusterError.from(reason).message };
  }
}

/** Undefined for one that names no two workers. */
function measureLinkFromWire({ probeId, rank, peers }: MeasureLink__Output): Command | undefined {
  if (rank > 1 || peers.length !== 2) return undefined;
  return { kind: "measure_link", probeId, rank, peers: peers.map(peerFromWire) };
}

function peerFromWire({ workerId, exchangeAddress }: Peer__Output): Peer {
  return { id: workerId, exchangeAddress };
}

function placeFromWire({ plan: wirePlan, rank, peers, startStep, traceparent }: Assign__Output) {
  if (wirePlan === null) throw new ClusterError("invalid_request", "the assignment carries no plan");
  const plan = planFromWire(wirePlan);
  if (peers.length !== planSize(plan) || rank >= peers.length)
    throw new ClusterError(
      "invalid_request",
      `rank ${rank} of ${peers.length} peers does not fit a plan of ${planSize(plan)} ranks`,
    );
  const trace = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  return {
    plan,
    rank,
    peers: peers.map(peerFromWire),
    startStep,
    ...(trace === undefined ? {} : { trace }),
  };
}

function kindFromWire(wire: WireArtifactKind | number): ArtifactKind {
  const kind = ARTIFACT_KINDS.find((one) => WIRE_KIND[one] === wire);
  if (kind === undefined)
    throw new ClusterError("invalid_request", `extra_artifacts ${wire} is not an artifact`);
  return kind;
}

function idFromWire({ jobId, epoch }: { readonly jobId: string; readonly epoch: string }): AssignmentId {
  return { jobId, epoch: Number(epoch) };
}

export function reportToWire(report: Report): WorkerMessage {
  switch (report.kind) {
    case "stage_started": {
      const { jobId, epoch, stage, warnings } = report;
      return { stageStarted: { jobId, epoch, stage: WIRE_STAGE[stage], warnings: [...warnings] } };
    }
    case "step_done": {
      const { kind, ...step } = report;
      return { stepDone: step };
    }
    case "done": {
      const { jobId, epoch, outcome } = report;
      const { artifacts, ...seconds } = outcome;
      return { assignmentDone: { jobId, epoch, artifacts: artifacts.map(artifactToWire), ...seconds } };
    }
    case "failed": {
      const { jobId, epoch, code, message, isRetryable, lostRank } = report;
      const error = { code, message };
      const lost = lostRank === undefined ? {} : { lostRank };
      return { assignmentFailed: { jobId, epoch, error, retryable: isRetryable, ...lost } };
    }
    case "draining":
      return { draining: {} };
    case "link_measured": {
      const { kind, ...measured } = report;
      return { linkMeasured: measured };
    }
  }
}

export function artifactToWire(artifact: Artifact): WireArtifact {
  return { ...artifact, kind: WIRE_KIND[artifact.kind] };
}
