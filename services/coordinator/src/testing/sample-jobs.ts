import type { ModelFacts } from "@cogfleet/model";
import { type Artifact, type Job, type JobRequest, newJob } from "../job.js";
import type { QueuedJob } from "../queue.js";
import type { SubmitBody } from "../submission.js";
import type { WorkerFacts } from "../workers.js";

/** A small model, for tests. */
export function sampleModel(over: Partial<ModelFacts> = {}): ModelFacts {
  return {
    name: "demo",
    digest: "d".repeat(64),
    variant: "1.0",
    minHeight: 16,
    maxHeight: 64,
    minWidth: 16,
    maxWidth: 64,
    maxNumFrames: 17,
    defaultScheduler: "ddim",
    defaultHeight: 32,
    defaultWidth: 32,
    defaultNumFrames: 9,
    defaultFps: 8,
    maxTextSeqLength: 16,
    fixedSequenceLength: false,
    ...over,
  };
}

export function sampleWorker(id: string, over: Partial<WorkerFacts> = {}): WorkerFacts {
  return {
    id,
    device: "cpu",
    precision: "fp32",
    threads: 1,
    models: [sampleModel()],
    hostname: "host",
    pid: 1,
    version: "0.1.0",
    exchangeAddress: "",
    configs: new Map(),
    flopsPerSecond: 0,
    memoryBytes: 0,
    transformerForm: undefined,
    ...over,
  };
}

export function sampleRequest(over: Partial<JobRequest> = {}): JobRequest {
  return {
    prompt: "a red circle",
    negativePrompt: "",
    seed: 1,
    numInferenceSteps: 3,
    guidanceScale: 6,
    useDynamicCfg: false,
    scheduler: "ddim",
    numFrames: 9,
    height: 32,
    width: 32,
    fps: 8,
    maxSequenceLength: 16,
    vaeTiling: false,
    model: "demo",
    parallel: "auto",
    idempotencyKey: undefined,
    priority: 0,
    labels: {},
    embedMetadata: true,
    extraArtifacts: [],
    tenant: "default",
    deadline: undefined,
    maxRunSeconds: undefined,
    allowVaeTilingFallback: false,
    ...over,
  };
}

/** A submission as a client sends it, with little in it. */
export function sampleSubmission(over: Partial<SubmitBody> = {}): SubmitBody {
  return {
    prompt: "a red circle",
    numInferenceSteps: 3,
    model: undefined,
    parallel: undefined,
    idempotencyKey: undefined,
    priority: undefined,
    labels: {},
    embedMetadata: undefined,
    extraArtifacts: [],
    tenant: undefined,
    deadline: undefined,
    maxRunSeconds: undefined,
    allowVaeTilingFallback: undefined,
    ...over,
  };
}

/** A job as it is when it was just admitted, and its first event. */
export function sampleJob(id: string, request: Partial<JobRequest> = {}, at = 0): ReturnType<typeof newJob> {
  const admitted = {
    id,
    request: sampleRequest(request),
    modelDigest: "d".repeat(64),
    bodySha256: "b",
    warnings: [],
  };
  return newJob(admitted satisfies Partial<Job>, at);
}

/** A job that waits, for any number of ranks. */
export function sampleQueued(jobId: string, over: Partial<QueuedJob> = {}): QueuedJob {
  return {
    jobId,
    tenant: "default",
    model: "a",
    request: sampleRequest({ model: over.model ?? "a" }),
    minRanks: 1,
    maxRanks: undefined,
    keptPlan: undefined,
    wantedRanks: undefined,
    step: 0,
    priority: 0,
    order: 0,
    createdAt: 0,
    nextEpoch: 1,
    queuedAt: 0,
    lastWorkerIds: [],
    avoidedIds: [],
    ...over,
  };
}

/** The video of nothing: what the sha256 of no bytes is. */
export const emptyVideo: Artifact = {
  kind: "video",
  bytes: 0,
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  mediaType: "video/mp4",
};
