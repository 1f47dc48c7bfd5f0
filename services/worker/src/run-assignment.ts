import { createHash } from "node:crypto";
import { type Clock, ClusterError } from "@cogfleet/core";
import { type GeneratedVideo, type TextToVideoHooks, writeSafetensors } from "@cogfleet/model";
import type {
  Artifact,
  ArtifactKind,
  Assignment,
  AssignmentId,
  CoordinatorLink,
  Outcome,
  Stage,
} from "./assignment.js";
import type { VideoEncoder } from "./mp4/video-encoder.js";
import type { VideoModel } from "./video-model.js";
import { videoTags } from "./video-tags.js";

/** What is measured of assignments. */
export interface StepObserver {
  /** A denoising step is done, after this wall time. */
  stepDone(seconds: number): void;
}

export interface RunDeps {
  readonly model: VideoModel;
  readonly encoder: VideoEncoder;
  readonly link: CoordinatorLink;
  readonly clock: Clock;
  readonly observer: StepObserver;
}

const MEDIA_TYPE = {
  video: "video/mp4",
  latents: "application/octet-stream",
  frames: "application/octet-stream",
} as const satisfies Record<ArtifactKind, string>;

/**
 * Makes the video of an assignment, reports stages and steps as they pass, and stores what was made. `atBoundary` is
 * called between stages and steps: what it throws ends the assignment there.
 */
export async function runAssignment(
  deps: RunDeps,
  assignment: Assignment,
  atBoundary: () => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const { model, link, clock, observer } = deps;
  const id: AssignmentId = { jobId: assignment.jobId, epoch: assignment.epoch };
  const seconds: Record<Stage, number> = { encode: 0, denoise: 0, decode: 0 };
  let stage: Stage | undefined;
  let stageAt = clock.now();
  let stepAt = stageAt;
  const enter = (next: Stage | undefined): void => {
    const now = clock.now();
    if (stage !== undefined) seconds[stage] += (now - stageAt) / 1000;
    stage = next;
    stageAt = now;
    stepAt = now;
  };

  const hooks: TextToVideoHooks = {
    onStage(next) {
      atBoundary();
      enter(next);
      link.report({ kind: "stage_started", ...id, stage: next, warnings: [] });
    },
    onWarning(warning) {
      if (stage !== undefined) link.report({ kind: "stage_started", ...id, stage, warnings: [warning] });
    },
    onStep({ step }, steps) {
      const now = clock.now();
      const stepSeconds = (now - stepAt) / 1000;
      stepAt = now;
      observer.stepDone(stepSeconds);
      link.report({ kind: "step_done", ...id, step, seconds: stepSeconds });
      if (step < steps) atBoundary(); // after the last one the next stage is the boundary
    },
  };
  const video = await model.generate(assignment.args, hooks, signal);
  const artifacts: Artifact[] = [];
  for await (const { kind, data } of filesOf(deps, assignment, video, signal)) {
    const artifact = {
      kind,
      bytes: data.length,
      sha256: await sha256Of(data, signal),
      mediaType: MEDIA_TYPE[kind],
    };
    await link.putArtifact(id, artifact, data, signal);
    artifacts.push(artifact);
  }
  enter(undefined);
  return {
    artifacts,
    encodeSeconds: seconds.encode,
    denoiseSeconds: seconds.denoise,
    decodeSeconds: seconds.decode,
  };
}

/** The files that were asked for, one at a time: raw frames are large. */
async function* filesOf(
  { encoder, model }: RunDeps,
  { args, embedMetadata, extraArtifacts }: Assignment,
  video: GeneratedVideo,
  signal: AbortSignal,
): AsyncGenerator<{ readonly kind: ArtifactKind; readonly data: Uint8Array }> {
  const { size, latents, latentDims } = video;
  if (size.frames !== args.numFrames || size.height !== args.height || size.width !== args.width)
    throw new ClusterError(
      "internal",
      `the video came out as ${size.frames} frames of ${size.width}x${size.height}, not as asked`,
    );
  if (extraArtifacts.includes("latents"))
    yield {
      kind: "latents",
      data: writeSafetensors({ latents: { dtype: "F32", shape: [...latentDims], data: latents } }),
    };
  const { mp4, pixels } = await encoder.encode(
    video,
    {
      fps: args.fps,
      tags: embedMetadata ? videoTags(args, model.facts.name) : {},
      keepPixels: extraArtifacts.includes("frames"),
    },
    signal,
  );
  if (pixels !== undefined) {
    const shape = [size.frames, size.height, size.width, 3];
    yield { kind: "frames", data: writeSafetensors({ frames: { dtype: "U8", shape, data: pixels } }) };
  }
  yield { kind: "video", data: mp4 };
}

const HASHED_AT_ONCE = 4 * 1024 * 1024; // a few milliseconds: heartbeats come in between

async function sha256Of(data: Uint8Array, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < data.length; at += HASHED_AT_ONCE) {
    signal.throwIfAborted();
    hash.update(data.subarray(at, at + HASHED_AT_ONCE));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hash.digest("hex");
}
