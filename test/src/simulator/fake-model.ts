import { ClusterError } from "@cogfleet/core";
import type { DenoiseState, GeneratedVideo, ModelFacts, TextToVideoHooks } from "@cogfleet/model";
import { bytesOf, type Group, whole } from "@cogfleet/parallel";
import type { VideoEncoder, VideoModel, VideoTask } from "@cogfleet/worker/testing/domain.js";
import { type FakeState, fakeMp4, fakeNext, fakePart, fakeStart, troubleOf } from "./fake-video.js";
import type { SimProcess } from "./sim-process.js";

/** Times of one rank alone, milliseconds. */
export interface ComputeTimes {
  readonly encodeMs: number;
  readonly stepMs: number;
  readonly decodeMs: number;
}

/** Takes the time that computing takes, and computes next to nothing: see fake-video.ts. */
export class SimModel implements VideoModel {
  readonly facts: ModelFacts;
  /** What the newest step took to compute; 0: none yet. */
  stepSeconds = 0;
  readonly #process: SimProcess;
  readonly #times: ComputeTimes;
  readonly #onBegin: (step: number) => void;

  /** @param onBegin a rank 0 begins to compute a step */
  constructor(process: SimProcess, facts: ModelFacts, times: ComputeTimes, onBegin: (step: number) => void) {
    this.#process = process;
    this.facts = facts;
    this.#times = times;
    this.#onBegin = onBegin;
  }

  async generate(
    { args, group, start }: VideoTask,
    hooks: TextToVideoHooks,
    signal: AbortSignal,
  ): Promise<GeneratedVideo | undefined> {
    const { numInferenceSteps: steps, numFrames: frames, height, width } = args;
    const { encodeMs, stepMs, decodeMs } = this.#times;
    await hooks.onStage?.("encode", 0);
    await this.#compute(encodeMs / group.size, signal);
    let state = await shared(group, "start", start === undefined ? fakeStart(args) : resumed(start), signal);
    await hooks.onStage?.("denoise", steps);
    while (state.step < steps) {
      if (group.rank === 0) this.#onBegin(state.step + 1);
      await this.#compute(stepMs / group.size, signal);
      this.stepSeconds = (stepMs / group.size / 1000) * this.#process.slowness;
      const trouble = troubleOf(args);
      if (trouble === "poison") this.#process.end();
      if (trouble === "breaks" && group.rank === 0)
        throw new ClusterError("numeric_error", `step ${state.step + 1} gave numbers that are none`);
      state = await exchanged(group, state, fakePart(args, state, group.rank, group.size), signal);
      await hooks.onStep?.(toDenoiseState(state), steps);
    }
    await hooks.onStage?.("decode", 0);
    await this.#compute(decodeMs / group.size, signal);
    if (group.rank !== 0) return undefined;
    const { latents } = state;
    return {
      sample: latents,
      size: { frames, height, width },
      latents,
      latentDims: [1, 1, 1, latents.length],
    };
  }

  /** A run cannot be stopped: whoever gives up meanwhile finds out when it is over. */
  async #compute(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#process.pass(ms * this.#process.slowness);
    signal.throwIfAborted();
  }
}

/** Writes the latents that a video came from. */
export function simEncoder(process: SimProcess): VideoEncoder {
  return {
    encoder: "wasm",
    async encode({ sample }, _options, signal) {
      await process.pass(20 * process.slowness);
      signal.throwIfAborted();
      return { mp4: fakeMp4(sample), pixels: undefined };
    },
  };
}

/** Every rank's part to rank 0, and the whole from there to all. */
async function exchanged(
  group: Group,
  before: FakeState,
  part: Float32Array,
  signal: AbortSignal,
): Promise<FakeState> {
  const tag = `step ${before.step}`;
  if (group.rank > 0) {
    await group.send(0, `${tag} part`, [whole(bytesOf(part))], signal);
    return shared(group, tag, undefined, signal);
  }
  const parts = await Promise.all(
    Array.from({ length: group.size }, async (_, rank) => {
      if (rank === 0) return part;
      const into = new Float32Array(Math.ceil((before.latents.length - rank) / group.size));
      await group.recv(rank, `${tag} part`, [whole(bytesOf(into))], signal);
      return into;
    }),
  );
  return shared(group, tag, fakeNext(before, parts), signal);
}

/** A state from rank 0 to all. */
async function shared(
  group: Group,
  tag: string,
  state: FakeState | undefined,
  signal: AbortSignal,
): Promise<FakeState> {
  if (group.rank === 0 && state !== undefined) {
    const file = packed(state);
    const others = Array.from({ length: group.size - 1 }, (_, i) => i + 1);
    await Promise.all(others.map((rank) => group.send(rank, tag, [whole(bytesOf(file))], signal)));
    return state;
  }
  const file = new Float64Array(PACKED);
  await group.recv(0, tag, [whole(bytesOf(file))], signal);
  return unpacked(file);
}

const LATENTS = 6;
const PACKED = 3 + 2 * LATENTS;

function packed({ step, latents, solver, words }: FakeState): Float64Array {
  const previous = solver.previousX0;
  return Float64Array.from([
    step,
    words[0] ?? 0,
    previous === undefined ? 0 : 1,
    ...latents,
    ...(previous ?? latents),
  ]);
}

function unpacked(file: Float64Array): FakeState {
  const [step = 0, word = 0, hasPrevious = 0] = file;
  const latents = Float32Array.from(file.subarray(3, 3 + LATENTS));
  const previous = Float32Array.from(file.subarray(3 + LATENTS));
  return {
    step,
    latents,
    solver: { previousX0: hasPrevious === 1 ? previous : undefined },
    words: Uint32Array.of(word),
  };
}

function toDenoiseState({ step, latents, solver, words }: FakeState): DenoiseState {
  return { step, latents, solver, generators: [{ words, index: step, nextNormal: undefined }] };
}

function resumed({ step, latents, solver, generators }: DenoiseState): FakeState {
  const [generator] = generators;
  if (generator === undefined) throw new ClusterError("data_loss", "the state has no generator");
  return { step, latents, solver, words: generator.words };
}
