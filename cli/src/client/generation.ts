// The front door as the commands see it: what generation.proto says, in domain types.

export type JobState = "queued" | "running" | "completed" | "failed" | "cancelled";
export type Stage = "encode" | "denoise" | "decode";
export type ArtifactKind = "video" | "latents" | "frames";

/** What to generate; what is left out takes the model's default. */
export interface Submission {
  readonly prompt: string;
  readonly negativePrompt?: string | undefined;
  /** Decimal digits, 0 to 2^53 - 1. */
  readonly seed?: string | undefined;
  readonly numInferenceSteps?: number | undefined;
  readonly guidanceScale?: number | undefined;
  readonly useDynamicCfg?: boolean | undefined;
  readonly scheduler?: "ddim" | "dpm" | undefined;
  readonly numFrames?: number | undefined;
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly fps?: number | undefined;
  readonly vaeTiling?: boolean | undefined;
  readonly model?: string | undefined;
  readonly parallel?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly priority?: number | undefined;
  readonly tenant?: string | undefined;
  /** Wall time, milliseconds. */
  readonly deadline?: number | undefined;
  readonly maxRunSeconds?: number | undefined;
  readonly allowVaeTilingFallback?: boolean | undefined;
  readonly embedMetadata: boolean;
  /** Artifacts to keep besides the video. */
  readonly extraArtifacts: readonly ArtifactKind[];
  /** W3C's, of the span that the job belongs to: no part of the request. */
  readonly traceparent?: string | undefined;
}

/** Why a job failed: a stable code and a sentence for a person. */
interface JobError {
  readonly code: string;
  readonly message: string;
}

export interface Artifact {
  readonly kind: ArtifactKind;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly mediaType: string;
}

/** The request of a job with every default filled in: by the proto's field names, numbers as numbers. */
export type ResolvedRequest = Readonly<Record<string, string | number | boolean>>;

/** [start, start + count). */
interface Share {
  readonly start: number;
  readonly count: number;
}

/** How a job is spread over its workers. */
export interface JobPlan {
  readonly cfg: number;
  readonly context: number;
  /** Relative speed by rank. */
  readonly rates: readonly number[];
  /** Who decodes: "serial", "temporal" or "tiles". */
  readonly vae: string;
  /** By rank, when `vae` is "temporal": the chunks of latent frames that it decodes. */
  readonly chunks: readonly Share[] | undefined;
  /** By rank, when `vae` is "tiles": the tiles that it decodes. */
  readonly tiles: readonly (readonly number[])[] | undefined;
  /** Set when the result is approximate: how the activations that ranks exchange are compressed. */
  readonly activations: string | undefined;
}

/** What one rank of a job computes. */
export interface RankPart {
  readonly workerId: string;
  readonly half: number;
  readonly halves: number;
  /** Of the sequence of tokens; undefined when not known. */
  readonly rows: Share | undefined;
  /** Chunks of latent frames that it decodes; undefined: none, or not known. */
  readonly chunks: Share | undefined;
  /** Tiles that it decodes. */
  readonly tiles: readonly number[];
}

export interface Job {
  readonly id: string;
  readonly state: JobState;
  readonly request: ResolvedRequest;
  /** ISO 8601 in UTC; undefined until it happened. */
  readonly createTime: string | undefined;
  readonly startTime: string | undefined;
  readonly finishTime: string | undefined;
  readonly stage: Stage | undefined;
  readonly step: number;
  readonly steps: number;
  readonly error: JobError | undefined;
  /** The video among them, once the job has completed. */
  readonly artifacts: readonly Artifact[];
  readonly warnings: readonly string[];
  readonly workerIds: readonly string[];
  readonly plan: JobPlan | undefined;
  /** The step that another attempt would go on from. */
  readonly checkpointStep: number;
  readonly attempts: number;
  /** For which it has run, all attempts together. */
  readonly runSeconds: number;
  /** Decoded in tiles, for want of memory. */
  readonly approximate: boolean;
  readonly queuePosition: number;
  /** Why it could not start if all workers were idle; "": it could. */
  readonly waitReason: string;
}

export interface JobEvent {
  /** 1, 2, 3, ... within one job. */
  readonly sequence: number;
  readonly jobId: string;
  readonly state: JobState;
  readonly stage: Stage | undefined;
  readonly step: number;
  readonly steps: number;
  /** What the worker took for that step or stage; 0 when not known. */
  readonly seconds: number;
  /** For a person; "" when there is nothing to say. */
  readonly message: string;
  readonly error: JobError | undefined;
  readonly workerIds: readonly string[];
  /** Why a queued job could not start if all workers were idle, when this was sent; "": it could. */
  readonly waitReason: string;
  /** By rank, on the event that starts an attempt; else empty. */
  readonly parts: readonly RankPart[];
}

export interface WorkerInfo {
  readonly id: string;
  readonly state: "idle" | "busy" | "draining";
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  readonly models: readonly string[];
  /** "" when idle. */
  readonly jobId: string;
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  readonly connectTime: string | undefined;
}

export interface ModelInfo {
  readonly name: string;
  readonly digest: string;
  readonly variant: string;
  readonly minHeight: number;
  readonly maxHeight: number;
  readonly minWidth: number;
  readonly maxWidth: number;
  readonly maxNumFrames: number;
  readonly defaultScheduler: string;
  readonly defaultHeight: number;
  readonly defaultWidth: number;
  readonly defaultNumFrames: number;
  readonly defaultFps: number;
  readonly maxTextSeqLength: number;
  readonly readyWorkers: number;
}

export interface ArtifactChunk {
  readonly data: Uint8Array;
  /** Position of `data` in the artifact, bytes. */
  readonly offset: number;
  readonly totalBytes: number;
}

/**
 * A coordinator. Every call fails with ClusterError: the coordinator's own code, or `peer_lost` when the coordinator
 * cannot be reached at all.
 */
export interface GenerationClient {
  submit(submission: Submission, signal: AbortSignal): Promise<Job>;
  get(jobId: string, signal: AbortSignal): Promise<Job>;
  /** Newest first, at most `limit`; `states` empty: all; `tenant` left out: of any. */
  list(
    filter: {
      readonly states: readonly JobState[];
      readonly tenant?: string | undefined;
      readonly limit: number;
    },
    signal: AbortSignal,
  ): Promise<Job[]>;
  /** Events after `afterSequence`; ends after the terminal event, or throws when the stream breaks. */
  watch(jobId: string, afterSequence: number, signal: AbortSignal): AsyncIterable<JobEvent>;
  cancel(jobId: string, signal: AbortSignal): Promise<Job>;
  download(
    jobId: string,
    from: { readonly kind: ArtifactKind; readonly offset: number },
    signal: AbortSignal,
  ): AsyncIterable<ArtifactChunk>;
  workers(signal: AbortSignal): Promise<WorkerInfo[]>;
  /** Tells a worker to leave. */
  drain(workerId: string, signal: AbortSignal): Promise<WorkerInfo>;
  models(signal: AbortSignal): Promise<ModelInfo[]>;
  /** Ends the connection and what still runs over it. Idempotent. */
  close(): void;
}

/** Whether a job in this state will never change again. */
export function isTerminal(state: JobState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}
