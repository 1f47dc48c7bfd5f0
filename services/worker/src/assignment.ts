// What a worker is given to do, and what it says about it.
import type { TraceContext } from "@cogfleet/core";
import type { ResolvedArguments } from "@cogfleet/model";
import type { Link, Plan } from "@cogfleet/parallel";

export type Stage = "encode" | "denoise" | "decode";
export type ArtifactKind = "video" | "latents" | "frames";

/** A worker that takes part in an assignment. */
export interface Peer {
  readonly id: string;
  /** host:port where it serves tensors. */
  readonly exchangeAddress: string;
}

/** The state of a job after a step, as it was stored. */
export interface Checkpoint {
  readonly step: number;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** One attempt at one job. The epoch fences it: reports of an older one change nothing. */
export interface AssignmentId {
  readonly jobId: string;
  readonly epoch: number;
}

export interface Assignment extends AssignmentId {
  readonly args: ResolvedArguments;
  /** Whether prompt and seed go into the file's tags. */
  readonly embedMetadata: boolean;
  /** What is kept besides the video. */
  readonly extraArtifacts: readonly ArtifactKind[];
  readonly plan: Plan;
  /** Our own. Rank 0 reports stages and steps, and stores what is made. */
  readonly rank: number;
  /** By rank, ourselves among them. */
  readonly peers: readonly Peer[];
  /** Steps done already; 0: starts from the noise. */
  readonly startStep: number;
  /** Of the job's span; undefined: it is not traced. */
  readonly trace?: TraceContext | undefined;
}

/** Two workers measure the way between them; both are told. */
export interface MeasureLink {
  readonly probeId: string;
  /** Our own, 0 or 1. */
  readonly rank: number;
  /** By rank, ourselves among them. */
  readonly peers: readonly Peer[];
}

/** A file made by an assignment. */
export interface Artifact {
  readonly kind: ArtifactKind;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly mediaType: string;
}

/** What was made, and the wall seconds of each stage. */
export interface Outcome {
  readonly artifacts: readonly Artifact[];
  readonly encodeSeconds: number;
  readonly denoiseSeconds: number;
  readonly decodeSeconds: number;
}

/** What a worker tells the coordinator. Every assignment ends with one `done` or `failed`. */
export type Report =
  | ({
      readonly kind: "stage_started";
      readonly stage: Stage;
      readonly warnings: readonly string[];
    } & AssignmentId)
  | ({
      readonly kind: "step_done";
      readonly step: number;
      readonly seconds: number;
      readonly checkpoint: Checkpoint;
    } & AssignmentId)
  | ({ readonly kind: "done"; readonly outcome: Outcome } & AssignmentId)
  | ({
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      /** Another worker, or another attempt, may succeed. */
      readonly isRetryable: boolean;
      /** With `peer_lost`: the rank that was the first to go. */
      readonly lostRank?: number | undefined;
    } & AssignmentId)
  | { readonly kind: "draining" }
  | ({ readonly kind: "link_measured"; readonly probeId: string; readonly peerId: string } & Link);

/** What the coordinator tells a worker. */
export type Command =
  | { readonly kind: "assign"; readonly assignment: Assignment }
  /** What was assigned makes no sense here: it goes back with the reason. */
  | { readonly kind: "refuse"; readonly id: AssignmentId; readonly reason: string }
  | { readonly kind: "cancel"; readonly id: AssignmentId }
  /** Hand it back at its next step. */
  | { readonly kind: "yield"; readonly id: AssignmentId }
  | { readonly kind: "drain" }
  | ({ readonly kind: "measure_link" } & MeasureLink);

/** The way to the coordinator. */
export interface CoordinatorLink {
  /** Never throws; without a connection the report is lost, and with it the assignment. */
  report(report: Report): void;
  /** Stores one artifact. `conflict` when the epoch is over, `unavailable` when the coordinator cannot be reached. */
  putArtifact(id: AssignmentId, artifact: Artifact, data: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Stores the state after a step; errors as above. */
  putCheckpoint(
    id: AssignmentId,
    checkpoint: Checkpoint,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<void>;
  /** The state that the assignment starts from. `data_loss` when it came damaged. */
  getCheckpoint(id: AssignmentId, signal: AbortSignal): Promise<Uint8Array>;
}
