import { ClusterError } from "@cogfleet/core";
import type {
  DenoiseState,
  GeneratedVideo,
  ModelFacts,
  ResolvedArguments,
  TextToVideoHooks,
} from "@cogfleet/model";
import { ONE_RANK } from "@cogfleet/parallel";
import type {
  Artifact,
  Assignment,
  AssignmentId,
  Checkpoint,
  CoordinatorLink,
  Report,
} from "../assignment.js";
import type { VideoModel, VideoTask } from "../video-model.js";

export const FACTS: ModelFacts = {
  name: "tiny",
  digest: "0".repeat(64),
  variant: "1.0",
  minHeight: 16,
  maxHeight: 64,
  minWidth: 16,
  maxWidth: 64,
  maxNumFrames: 17,
  defaultScheduler: "ddim",
  defaultHeight: 16,
  defaultWidth: 16,
  defaultNumFrames: 1,
  defaultFps: 8,
  maxTextSeqLength: 16,
  fixedSequenceLength: true,
};

export const ARGS: ResolvedArguments = {
  prompt: "a red ball",
  negativePrompt: "",
  seed: 42,
  numInferenceSteps: 3,
  guidanceScale: 6,
  useDynamicCfg: false,
  scheduler: "ddim",
  numFrames: 1,
  height: 16,
  width: 16,
  fps: 8,
  maxSequenceLength: 16,
  vaeTiling: false,
};

export function assignment(jobId: string, over: Partial<Assignment> = {}): Assignment {
  return {
    jobId,
    epoch: 1,
    args: ARGS,
    embedMetadata: true,
    extraArtifacts: [],
    plan: ONE_RANK,
    rank: 0,
    peers: [{ id: "w", exchangeAddress: "" }],
    startStep: 0,
    ...over,
  };
}

/** A model whose videos are grey and whose steps wait for the test. */
export class FakeModel implements VideoModel {
  readonly facts = FACTS;
  readonly warnings: string[] = [];
  /** Prompts of the videos that were begun. */
  readonly begun: string[] = [];
  /** What the tasks were to start from. */
  readonly starts: (DenoiseState | undefined)[] = [];
  readonly #waiting: (() => void)[] = [];
  #free = 0;
  #failure: Error | undefined;

  /** Lets so many steps pass, those that wait and those to come. */
  step(count: number): void {
    for (let i = 0; i < count; i++) {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** The next step fails. */
  fail(error: Error): void {
    this.#failure = error;
    this.step(1);
  }

  async generate(
    { args, start, group }: VideoTask,
    hooks: TextToVideoHooks,
    signal: AbortSignal,
  ): Promise<GeneratedVideo | undefined> {
    this.begun.push(args.prompt);
    this.starts.push(start);
    const { numInferenceSteps: steps, numFrames: frames, height, width } = args;
    await hooks.onStage?.("encode", 0);
    for (const warning of this.warnings) hooks.onWarning?.(warning);
    await hooks.onStage?.("denoise", steps);
    const latents = new Float32Array(4).fill(0.5);
    for (let step = 1 + (start?.step ?? 0); step <= steps; step++) {
      await this.#turn();
      signal.throwIfAborted();
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure !== undefined) throw failure;
      await hooks.onStep?.({ step, latents, solver: { previousX0: undefined }, generators: [] }, steps);
    }
    await hooks.onStage?.("decode", 0);
    if (group.rank !== 0) return undefined;
    const sample = new Float32Array(3 * frames * height * width);
    return { sample, size: { frames, height, width }, latents, latentDims: [1, 1, 2, 2] };
  }

  #turn(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Remembers what it was told. */
export class FakeLink implements CoordinatorLink {
  readonly reports: Report[] = [];
  readonly stored: { readonly id: AssignmentId; readonly artifact: Artifact; readonly data: Uint8Array }[] =
    [];
  #listener: (() => void) | undefined;

  report(report: Report): void {
    this.reports.push(report);
    this.#listener?.();
  }

  async putArtifact(id: AssignmentId, artifact: Artifact, data: Uint8Array): Promise<void> {
    this.stored.push({ id, artifact, data: data.slice() });
  }

  /** Checkpoints by job. */
  readonly states = new Map<string, Uint8Array>();

  async putCheckpoint(id: AssignmentId, _checkpoint: Checkpoint, data: Uint8Array): Promise<void> {
    this.states.set(id.jobId, data.slice());
  }

  async getCheckpoint(id: AssignmentId): Promise<Uint8Array> {
    const data = this.states.get(id.jobId);
    if (data === undefined) throw new ClusterError("artifact_unavailable", "there is no checkpoint");
    return data;
  }

  /** The first report of the kind about the job, now or later. */
  async waitFor(kind: Report["kind"], jobId: string): Promise<Report> {
    for (;;) {
      const found = this.reports.find((one) => one.kind === kind && "jobId" in one && one.jobId === jobId);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
      });
    }
  }
}
