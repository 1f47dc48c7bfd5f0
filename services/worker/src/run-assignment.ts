import { type Clock, ClusterError, linkSignals } from "@cogfleet/core";
import { type GeneratedVideo, type TextToVideoHooks, writeSafetensors } from "@cogfleet/model";
import { type Group, memoryGroups, planSize } from "@cogfleet/parallel";
import type {
  Artifact,
  ArtifactKind,
  Assignment,
  AssignmentId,
  CoordinatorLink,
  Outcome,
  Stage,
} from "./assignment.js";
import type { AssignmentTracing } from "./assignment-tracing.js";
import { readCheckpoint } from "./checkpoint-file.js";
import type { VideoEncoder } from "./mp4/video-encoder.js";
import { sha256Of } from "./sha256.js";
import { StepReporter } from "./step-reporter.js";
import type { VideoModel } from "./video-model.js";
import { videoTags } from "./video-tags.js";

/** What is measured of assignments. */
export interface StepObserver {
  /** A denoising step is done. */
  stepDone(): void;
}

/** A place in a group of several ranks. */
export interface JoinedGroup extends Group {
  /** Aborts when the group has ended. */
  readonly ended: AbortSignal;
  /** Leaves: without a reason as one that has finished, with one as one that failed, which ends the group everywhere. */
  close(reason?: ClusterError): Promise<void>;
}

/** Takes a worker's place among the ranks of an assignment. Peers may reach it at once. */
export type JoinGroup = (assignment: Assignment) => JoinedGroup;

export interface RunDeps {
  readonly model: VideoModel;
  readonly encoder: VideoEncoder;
  readonly join: JoinGroup;
  readonly link: CoordinatorLink;
  readonly clock: Clock;
  readonly observer: StepObserver;
  /** Undefined: nothing is traced. */
  readonly tracing?: AssignmentTracing | undefined;
}

const MEDIA_TYPE = {
  video: "video/mp4",
  latents: "application/octet-stream",
  frames: "application/octet-stream",
} as const satisfies Record<ArtifactKind, string>;

/**
 * Does a rank's part of an assignment. Rank 0 makes the video, reports stages and steps as they pass, and stores what was made. `atBoundary` is
 * called there between stages and steps: what it throws ends the assignment. A rank that fails takes its group down.
 */
export async function runAssignment(
  deps: RunDeps,
  assignment: Assignment,
  atBoundary: () => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const { tracing } = deps;
  tracing?.begin(assignment);
  let failure: string | undefined;
  try {
    return await joinAndRun(deps, assignment, atBoundary, signal);
  } catch (reason) {
    const { code, message } = ClusterError.from(reason);
    failure = `${code}: ${message}`;
    throw reason;
  } finally {
    tracing?.end(failure);
  }
}

async function joinAndRun(
  deps: RunDeps,
  assignment: Assignment,
  atBoundary: () => void,
  signal: AbortSignal,
): Promise<Outcome> {
  if (planSize(assignment.plan) === 1) {
    const [alone] = memoryGroups(1).groups as [Group];
    return runRank(deps, assignment, alone, atBoundary, signal, signal);
  }
  // Before anything that takes time, so that the others see us.
  const group = deps.join(assignment);
  const linked = linkSignals(signal, group.ended);
  let failure: ClusterError | undefined;
  try {
    return await runRank(deps, assignment, group, atBoundary, linked.signal, signal);
  } catch (reason) {
    failure = ClusterError.from(reason);
    throw reason;
  } finally {
    linked.unlink();
    await group.close(failure);
  }
}

/** @param storing outlives a group that ended: the step before is still worth storing */
async function runRank(
  deps: RunDeps,
  assignment: Assignment,
  group: Group,
  atBoundary: () => void,
  signal: AbortSignal,
  storing: AbortSignal,
): Promise<Outcome> {
  const { model, link, clock, observer, tracing } = deps;
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

  const steps = new StepReporter(link, id);
  const hooks: TextToVideoHooks = {
    async onStage(next, of) {
      await steps.settled();
      atBoundary();
      enter(next);
      tracing?.stage(next, of);
      link.report({ kind: "stage_started", ...id, stage: next, warnings: [] });
    },
    onWarning(warning) {
      if (stage !== undefined) link.report({ kind: "stage_started", ...id, stage, warnings: [warning] });
    },
    async onStep(state, of) {
      const now = clock.now();
      const stepSeconds = (now - stepAt) / 1000;
      stepAt = now;
      observer.stepDone();
      tracing?.stepDone();
      await steps.stepDone(state, stepSeconds, storing);
      if (state.step < of) atBoundary(); // after the last one the next stage is the boundary
    },
  };
  const { args, plan, startStep } = assignment;
  const isFirst = assignment.rank === 0;
  const start = isFirst && startStep > 0 ? readCheckpoint(await link.getCheckpoint(id, signal)) : undefined;
  let video: GeneratedVideo | undefined;
  try {
    const others: TextToVideoHooks = { onStage: (next, of) => tracing?.stage(next, of) };
    video = await model.generate({ args, plan, group, start }, isFirst ? hooks : others, signal);
  } finally {
    await steps.settled().catch(() => {}); // the next attempt goes on from there; a loss was thrown before
  }
  if (!isFirst) return { artifacts: [], encodeSeconds: 0, denoiseSeconds: 0, decodeSeconds: 0 };
  if (video === undefined) throw new ClusterError("internal", "rank 0 was given no video");
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
