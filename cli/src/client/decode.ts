// Messages of generation.proto, as grpc-js hands them out, to the types of generation.ts.
import { ClusterError } from "@cogfleet/core";
import type { Artifact__Output } from "@cogfleet/proto/gen/cogfleet/v1/Artifact";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { Model__Output } from "@cogfleet/proto/gen/cogfleet/v1/Model";
import type { Plan__Output } from "@cogfleet/proto/gen/cogfleet/v1/Plan";
import type { SubmitRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import type { Worker__Output } from "@cogfleet/proto/gen/cogfleet/v1/Worker";
import type { Timestamp__Output } from "@cogfleet/proto/gen/google/protobuf/Timestamp";
import type {
  Artifact,
  ArtifactKind,
  Job,
  JobEvent,
  JobPlan,
  JobState,
  ModelInfo,
  ResolvedRequest,
  Stage,
  WorkerInfo,
} from "./generation.js";

const STATES: Readonly<Record<string, JobState>> = {
  JOB_STATE_QUEUED: "queued",
  JOB_STATE_RUNNING: "running",
  JOB_STATE_COMPLETED: "completed",
  JOB_STATE_FAILED: "failed",
  JOB_STATE_CANCELLED: "cancelled",
};

const STAGES: Readonly<Record<string, Stage>> = {
  STAGE_ENCODE: "encode",
  STAGE_DENOISE: "denoise",
  STAGE_DECODE: "decode",
};

const KINDS: Readonly<Record<string, ArtifactKind>> = {
  ARTIFACT_KIND_VIDEO: "video",
  ARTIFACT_KIND_LATENTS: "latents",
  ARTIFACT_KIND_FRAMES: "frames",
};

const WORKER_STATES: Readonly<Record<string, WorkerInfo["state"]>> = {
  WORKER_STATE_IDLE: "idle",
  WORKER_STATE_BUSY: "busy",
  WORKER_STATE_DRAINING: "draining",
};

/** The job, or `incompatible_version` when a newer coordinator speaks of a state that we do not know. */
export function decodeJob(job: Job__Output): Job {
  return {
    id: job.id,
    state: known(STATES, job.state, "job state"),
    request: job.request === null ? {} : decodeRequest(job.request),
    createTime: isoTime(job.createTime),
    startTime: isoTime(job.startTime),
    finishTime: isoTime(job.finishTime),
    stage: STAGES[job.progress?.stage ?? ""],
    step: job.progress?.step ?? 0,
    steps: job.progress?.steps ?? 0,
    error: job.error ?? undefined,
    artifacts: job.artifacts.flatMap(decodeArtifact),
    warnings: job.warnings,
    workerIds: job.workerIds,
    plan: job.plan === null ? undefined : decodePlan(job.plan),
    checkpointStep: job.checkpointStep,
    attempts: job.attempts,
    runSeconds: job.runSeconds,
    approximate: job.approximate,
    queuePosition: job.queuePosition,
    waitReason: job.waitReason,
  };
}

export function decodeEvent(event: Event__Output): JobEvent {
  return {
    sequence: Number(event.sequence),
    jobId: event.jobId,
    state: known(STATES, event.state, "job state"),
    stage: STAGES[event.stage],
    step: event.step,
    steps: event.steps,
    seconds: event.seconds,
    message: event.message,
    error: event.error ?? undefined,
    workerIds: event.workerIds,
    waitReason: event.waitReason,
    parts: event.parts.map(({ workerId, half, halves, rows, chunks, tiles }) => ({
      ...{ workerId, half, halves, tiles },
      rows: rows ?? undefined,
      chunks: chunks ?? undefined,
    })),
  };
}

function decodePlan({ cfg, context, rates, vae, activations }: Plan__Output): JobPlan {
  return {
    ...{ cfg, context, rates, activations },
    vae: vae?.kind ?? "serial",
    chunks: vae?.temporal?.chunks,
    tiles: vae?.tiles?.tiles.map(({ tiles }) => tiles),
  };
}

export function decodeWorker(worker: Worker__Output): WorkerInfo {
  const { id, device, precision, threads, models, jobId, hostname, pid, version } = worker;
  return {
    ...{ id, device, precision, threads, models, jobId, hostname, pid, version },
    state: known(WORKER_STATES, worker.state, "worker state"),
    connectTime: isoTime(worker.connectTime),
  };
}

export function decodeModel(model: Model__Output): ModelInfo {
  const { limits } = model;
  return {
    name: model.name,
    digest: model.digest,
    variant: model.variant,
    minHeight: limits?.minHeight ?? 0,
    maxHeight: limits?.maxHeight ?? 0,
    minWidth: limits?.minWidth ?? 0,
    maxWidth: limits?.maxWidth ?? 0,
    maxNumFrames: limits?.maxNumFrames ?? 0,
    defaultScheduler: model.defaultScheduler,
    defaultHeight: model.defaultHeight,
    defaultWidth: model.defaultWidth,
    defaultNumFrames: model.defaultNumFrames,
    defaultFps: model.defaultFps,
    maxTextSeqLength: model.maxTextSeqLength,
    readyWorkers: model.readyWorkers,
  };
}

// A kind that we do not know is of no use to us, and no reason to refuse the job that carries it.
function decodeArtifact(artifact: Artifact__Output): Artifact[] {
  const kind = KINDS[artifact.kind];
  if (kind === undefined) return [];
  const { sha256, mediaType } = artifact;
  return [{ kind, bytes: Number(artifact.bytes), sha256, mediaType }];
}

function decodeRequest(request: SubmitRequest__Output): ResolvedRequest {
  const fields = {
    prompt: request.prompt,
    negative_prompt: request.negativePrompt,
    seed: request.seed === undefined ? undefined : Number(request.seed),
    num_inference_steps: request.numInferenceSteps,
    guidance_scale: request.guidanceScale,
    use_dynamic_cfg: request.useDynamicCfg,
    scheduler: request.scheduler,
    num_frames: request.numFrames,
    height: request.height,
    width: request.width,
    fps: request.fps,
    max_sequence_length: request.maxSequenceLength,
    vae_tiling: request.vaeTiling,
    model: request.model,
    parallel: request.parallel,
    idempotency_key: request.idempotencyKey,
    priority: request.priority,
    embed_metadata: request.embedMetadata,
    tenant: request.tenant,
    deadline: isoTime(request.deadline),
    max_run_seconds: request.maxRunSeconds,
    allow_vae_tiling_fallback: request.allowVaeTilingFallback,
  };
  const given: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) given[name] = value;
  return given;
}

function known<T>(names: Readonly<Record<string, T>>, name: string, what: string): T {
  const value = names[name];
  if (value === undefined)
    throw new ClusterError("incompatible_version", `the coordinator speaks of an unknown ${what}, "${name}"`);
  return value;
}

function isoTime(time: Timestamp__Output | null): string | undefined {
  if (time === null) return undefined;
  return new Date(Number(time.seconds) * 1000 + time.nanos / 1e6).toISOString();
}
