import type { ModelFacts } from "@cogfleet/model";
import type { Artifact as WireArtifact } from "@cogfleet/proto/gen/cogfleet/v1/Artifact";
import type { ArtifactKind as WireArtifactKind } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactKind";
import type { Event as WireEvent } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { Job as WireJob } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { JobState as WireJobState } from "@cogfleet/proto/gen/cogfleet/v1/JobState";
import type { Model as WireModel } from "@cogfleet/proto/gen/cogfleet/v1/Model";
import type { Stage as WireStage } from "@cogfleet/proto/gen/cogfleet/v1/Stage";
import type { SubmitRequest as WireSubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import type { Worker as WireWorker } from "@cogfleet/proto/gen/cogfleet/v1/Worker";
import type { Timestamp as WireTimestamp } from "@cogfleet/proto/gen/google/protobuf/Timestamp";
import type { WorkerView } from "../fleet-board.js";
import type { Artifact, ArtifactKind, Job, JobEvent, JobRequest, JobStage, JobState } from "../job.js";
import { partsToWire, planToWire } from "./plan-to-wire.js";

export const WIRE_STATE = {
  queued: "JOB_STATE_QUEUED",
  running: "JOB_STATE_RUNNING",
  completed: "JOB_STATE_COMPLETED",
  failed: "JOB_STATE_FAILED",
  cancelled: "JOB_STATE_CANCELLED",
} as const satisfies Record<JobState["kind"], WireJobState>;

export const WIRE_STAGE = {
  encode: "STAGE_ENCODE",
  denoise: "STAGE_DENOISE",
  decode: "STAGE_DECODE",
} as const satisfies Record<JobStage, WireStage>;

export const WIRE_ARTIFACT_KIND = {
  video: "ARTIFACT_KIND_VIDEO",
  latents: "ARTIFACT_KIND_LATENTS",
  frames: "ARTIFACT_KIND_FRAMES",
} as const satisfies Record<ArtifactKind, WireArtifactKind>;

export function jobToWire(job: Job, queuePosition: number, waitReason: string): WireJob {
  const artifacts = job.state.kind === "completed" ? job.state.artifacts.map(artifactToWire) : [];
  return {
    id: job.id,
    state: WIRE_STATE[job.state.kind],
    request: requestToWire(job.request),
    createTime: timestampToWire(job.createdAt),
    startTime: timestampToWire(job.startedAt),
    finishTime: timestampToWire(job.finishedAt),
    progress: {
      stage: stageToWire(job.progress.stage),
      step: job.progress.step,
      steps: job.request.numInferenceSteps,
    },
    error: job.state.kind === "failed" ? job.state.error : null,
    artifact: artifacts.find((artifact) => artifact.kind === WIRE_ARTIFACT_KIND.video) ?? null,
    artifacts,
    warnings: [...job.warnings],
    workerIds: [...job.workerIds],
    attempts: job.attempts,
    lastSequence: job.lastSequence,
    queuePosition,
    waitReason,
    plan: job.plan === undefined ? null : planToWire(job.plan),
    checkpointStep: job.checkpoint?.step ?? 0,
    approximate: job.isTiled,
    runSeconds: (job.ranMs.earlier + job.ranMs.current) / 1000,
  };
}

/** The request with nothing left out, for clients and for workers. */
export function requestToWire(request: JobRequest): WireSubmitRequest {
  const { idempotencyKey, extraArtifacts, labels, deadline, maxRunSeconds, ...rest } = request;
  return {
    ...rest,
    labels: { ...labels },
    extraArtifacts: extraArtifacts.map((kind) => WIRE_ARTIFACT_KIND[kind]),
    deadline: timestampToWire(deadline),
    ...(maxRunSeconds === undefined ? {} : { maxRunSeconds }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export function eventToWire(jobId: string, event: JobEvent, waitReason: string): WireEvent {
  return {
    sequence: event.sequence,
    jobId,
    time: timestampToWire(event.at),
    state: WIRE_STATE[event.state],
    stage: stageToWire(event.stage),
    step: event.step,
    steps: event.steps,
    seconds: event.seconds,
    message: event.message,
    error: event.error ?? null,
    workerIds: [...event.workerIds],
    parts: partsToWire(event.parts),
    waitReason,
  };
}

export function workerToWire({
  jobId,
  tenant,
  isDraining,
  kin,
  connectedAt,
  models,
  ...worker
}: WorkerView): WireWorker {
  const busy = jobId === "" ? "WORKER_STATE_IDLE" : "WORKER_STATE_BUSY";
  return {
    ...worker,
    state: isDraining ? "WORKER_STATE_DRAINING" : busy,
    models: [...models],
    jobId,
    connectTime: timestampToWire(connectedAt),
  };
}

export function modelToWire(facts: ModelFacts, readyWorkers: number): WireModel {
  const { minHeight, maxHeight, minWidth, maxWidth, maxNumFrames, maxTextSeqLength, ...rest } = facts;
  return {
    ...rest,
    limits: { minHeight, maxHeight, minWidth, maxWidth, maxNumFrames },
    maxTextSeqLength,
    readyWorkers,
  };
}

function artifactToWire(artifact: Artifact): WireArtifact {
  return { ...artifact, kind: WIRE_ARTIFACT_KIND[artifact.kind] };
}

function stageToWire(stage: JobStage | undefined): WireStage {
  return stage === undefined ? "STAGE_UNSPECIFIED" : WIRE_STAGE[stage];
}

function timestampToWire(ms: number | undefined): WireTimestamp | null {
  if (ms === undefined) return null;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
