import type { ResolvedArguments } from "@cogfleet/model";
import type { Plan, Share } from "@cogfleet/parallel";

export const STAGES = ["encode", "denoise", "decode"] as const;
export type JobStage = (typeof STAGES)[number];

export const ARTIFACT_KINDS = ["video", "latents", "frames"] as const;
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** A file that a job made. */
export interface Artifact {
  readonly kind: ArtifactKind;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** MIME type. */
  readonly mediaType: string;
}

/** Why a job or an attempt failed, fit for a stranger. */
export interface JobFailure {
  /** Stable, snake_case. */
  readonly code: string;
  readonly message: string;
}

/** What was asked, with every default filled in. */
export interface JobRequest extends ResolvedArguments {
  readonly model: string;
  /** "auto" or degrees such as "cfg=2,context=2". */
  readonly parallel: string;
  readonly idempotencyKey: string | undefined;
  /** -100 to 100; higher runs first. */
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly embedMetadata: boolean;
  /** Kept besides the video. */
  readonly extraArtifacts: readonly ArtifactKind[];
  /** Whose job it is. */
  readonly tenant: string;
  /** Wall time, milliseconds, by which it must have ended; undefined: none. */
  readonly deadline: number | undefined;
  /** For which it may run, all attempts together; undefined: for ever. */
  readonly maxRunSeconds: number | undefined;
  /** Decode in tiles rather than fail for want of memory. */
  readonly allowVaeTilingFallback: boolean;
}

/** Of a request that names none. */
export const DEFAULT_TENANT = "default";

export type JobState =
  | { readonly kind: "queued" }
  | { readonly kind: "running"; readonly isCancelAsked: boolean }
  | { readonly kind: "completed"; readonly artifacts: readonly Artifact[] }
  | { readonly kind: "failed"; readonly error: JobFailure }
  | { readonly kind: "cancelled" };

export const JOB_STATES = ["queued", "running", "completed", "failed", "cancelled"] as const;

/** The state after a step, as an attempt stored it: another attempt goes on from there. */
export interface Checkpoint {
  /** Of the attempt that stored it. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An attempt that got nowhere. */
export interface Setback {
  /** Workers that were lost with it; empty when it failed by itself. */
  readonly lostIds: readonly string[];
  readonly reason: string;
}

/** What one rank of an attempt computes, for people. */
export interface RankPart {
  readonly workerId: string;
  /** Of the guidance: 0 the negative branch, 1 the positive one; 0 when one half computes both. */
  readonly half: number;
  readonly halves: number;
  /** Of the joint sequence of text and video tokens; undefined when the model's sizes are not known. */
  readonly rows: Share | undefined;
  /** Chunks of latent frames that it decodes. */
  readonly chunks?: Share | undefined;
  /** Tiles that it decodes, in raster order. */
  readonly tiles?: readonly number[] | undefined;
}

/** A job's record: never changed in place, so whoever holds one may keep it. */
export interface Job {
  readonly id: string;
  readonly request: JobRequest;
  /** Digest of the model that the request was checked against. */
  readonly modelDigest: string;
  /** sha256 of the body as the client sent it, to tell a retry from another request under the same key. */
  readonly bodySha256: string;
  readonly state: JobState;
  /** W3C's, as its client sent it; undefined: it sent none. */
  readonly traceparent?: string | undefined;
  /** Of the leader that wrote it last: one of an older term may not change it any more. 0 before the first. */
  readonly term: number;
  /** Of the newest assignment: what carries an older one changes nothing. 0 before the first. */
  readonly epoch: number;
  /** How often it was given to workers. */
  readonly attempts: number;
  /** Highest step that any attempt finished. */
  readonly furthestStep: number;
  /** Attempts in a row that ended without getting farther than those before. */
  readonly fruitlessAttempts: number;
  /** What became of them. */
  readonly setbacks: readonly Setback[];
  /** Of the current or last attempt. */
  readonly progress: { readonly stage: JobStage | undefined; readonly step: number };
  /** For which earlier attempts ran, and for which the current or last one has: as far as was written down. */
  readonly ranMs: { readonly earlier: number; readonly current: number };
  /** Of the current or last attempt, by rank. */
  readonly workerIds: readonly string[];
  /** Of the current or last attempt. */
  readonly plan: Plan | undefined;
  /** Workers that the next attempt shall have, with a new plan; undefined: those of its plan. */
  readonly nextRanks: number | undefined;
  /** Numbers of ranks for which memory did not suffice. */
  readonly tooSmall: readonly number[];
  /** Decoded in tiles, for want of memory. */
  readonly isTiled: boolean;
  /** Where the next attempt goes on; undefined: from the noise. */
  readonly checkpoint: Checkpoint | undefined;
  /** The one before, for when that is damaged. */
  readonly earlierCheckpoint: Checkpoint | undefined;
  readonly warnings: readonly string[];
  /** Wall time, milliseconds; undefined: not yet. */
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** Sequence number of its newest event. */
  readonly lastSequence: number;
}

/** One line of a job's history: what watchers see. */
export interface JobEvent {
  /** 1, 2, 3, ... in one job. */
  readonly sequence: number;
  /** Wall time, milliseconds. */
  readonly at: number;
  readonly state: JobState["kind"];
  readonly stage: JobStage | undefined;
  readonly step: number;
  readonly steps: number;
  /** That the worker took for the step or stage; 0 when not known. */
  readonly seconds: number;
  readonly message: string;
  readonly error: JobFailure | undefined;
  readonly workerIds: readonly string[];
  /** By rank, on the event that starts an attempt; else empty. */
  readonly parts: readonly RankPart[];
}

/** What its workers are to compute. */
export function effectiveRequest({ request, isTiled }: Pick<Job, "request" | "isTiled">): JobRequest {
  return isTiled ? { ...request, vaeTiling: true } : request;
}

/** The states that a job has stored: the newest, and the one before. */
export function statesOf({
  checkpoint,
  earlierCheckpoint,
}: Pick<Job, "checkpoint" | "earlierCheckpoint">): Checkpoint[] {
  return [checkpoint, earlierCheckpoint].filter((state) => state !== undefined);
}

/** Whether nothing can change the job any more. */
export function isTerminal(state: JobState["kind"]): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

/** The event that tells of the job as it stands now. */
export function eventOf(
  job: Job,
  at: number,
  more: {
    readonly seconds?: number;
    readonly message?: string;
    readonly parts?: readonly RankPart[];
  } = {},
): JobEvent {
  return {
    sequence: job.lastSequence,
    at,
    state: job.state.kind,
    stage: job.progress.stage,
    step: job.progress.step,
    steps: job.request.numInferenceSteps,
    seconds: more.seconds ?? 0,
    message: more.message ?? "",
    error: job.state.kind === "failed" ? job.state.error : undefined,
    workerIds: job.workerIds,
    parts: more.parts ?? [],
  };
}

/** A job that was just admitted, and its first event. */
export function newJob(
  admitted: Pick<Job, "id" | "request" | "modelDigest" | "bodySha256" | "warnings" | "traceparent">,
  at: number,
): { readonly job: Job; readonly event: JobEvent } {
  const job: Job = {
    ...admitted,
    state: { kind: "queued" },
    term: 0,
    epoch: 0,
    attempts: 0,
    furthestStep: 0,
    fruitlessAttempts: 0,
    setbacks: [],
    progress: { stage: undefined, step: 0 },
    ranMs: { earlier: 0, current: 0 },
    workerIds: [],
    plan: undefined,
    nextRanks: undefined,
    tooSmall: [],
    isTiled: false,
    checkpoint: undefined,
    earlierCheckpoint: undefined,
    createdAt: at,
    startedAt: undefined,
    finishedAt: undefined,
    lastSequence: 1,
  };
  return { job, event: eventOf(job, at) };
}
