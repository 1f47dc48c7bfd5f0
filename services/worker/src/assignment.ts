// What a worker is given to do, and what it says about it.
import type { ResolvedArguments } from "@cogfleet/model";

export type Stage = "encode" | "denoise" | "decode";
export type ArtifactKind = "video" | "latents" | "frames";

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
  | ({ readonly kind: "step_done"; readonly step: number; readonly seconds: number } & AssignmentId)
  | ({ readonly kind: "done"; readonly outcome: Outcome } & AssignmentId)
  | ({
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      /** Another worker, or another attempt, may succeed. */
      readonly isRetryable: boolean;
    } & AssignmentId)
  | { readonly kind: "draining" };

/** What the coordinator tells a worker. */
export type Command =
  | { readonly kind: "assign"; readonly assignment: Assignment }
  /** What was assigned makes no sense here: it goes back with the reason. */
  | { readonly kind: "refuse"; readonly id: AssignmentId; readonly reason: string }
  | { readonly kind: "cancel"; readonly id: AssignmentId }
  | { readonly kind: "drain" };

/** The way to the coordinator. */
export interface CoordinatorLink {
  /** Never throws; without a connection the report is lost, and with it the assignment. */
  report(report: Report): void;
  /** Stores one artifact. `conflict` when the epoch is over, `unavailable` when the coordinator cannot be reached. */
  putArtifact(id: AssignmentId, artifact: Artifact, data: Uint8Array, signal: AbortSignal): Promise<void>;
}
