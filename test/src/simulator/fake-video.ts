import type { ResolvedArguments, SolverState } from "@cogfleet/model";

// Latents that are a function of the request and the steps before: whoever goes on from another job's state, or from
// another step's, ends with another video. Elements are whole numbers below 2^24, so that float32 holds them.

const LATENTS = 6;
const MODULUS = 2 ** 24;

/** What stands between two steps. Every part of it decides about the next. */
export interface FakeState {
  readonly step: number;
  readonly latents: Float32Array<ArrayBuffer>;
  readonly solver: SolverState;
  readonly words: Uint32Array;
}

/** What goes wrong with a job, wherever it runs: its worker dies, or its numbers do. */
export type Trouble = "poison" | "breaks";

/** As the prompt says. */
export function troubleOf({ prompt }: Pick<ResolvedArguments, "prompt">): Trouble | undefined {
  return (["poison", "breaks"] as const).find((trouble) => prompt.startsWith(trouble));
}

function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f);
  return (h ^ (h >>> 13)) >>> 0;
}

function numberOf(args: ResolvedArguments): number {
  let number = mix(args.seed >>> 0, args.numInferenceSteps);
  for (const character of args.prompt) number = mix(number, character.codePointAt(0) ?? 0);
  return number;
}

/** The noise of a request. */
export function fakeStart(args: ResolvedArguments): FakeState {
  const number = numberOf(args);
  return {
    step: 0,
    latents: Float32Array.from({ length: LATENTS }, (_, i) => mix(number, i) % MODULUS),
    solver: { previousX0: undefined },
    words: Uint32Array.of(number),
  };
}

/** The elements of the next latents that a rank computes. */
export function fakePart(
  args: ResolvedArguments,
  before: FakeState,
  rank: number,
  size: number,
): Float32Array {
  let all = mix(numberOf(args), before.step + 1);
  for (const value of before.latents) all = mix(all, value);
  for (const value of before.solver.previousX0 ?? []) all = mix(all, value);
  for (const word of before.words) all = mix(all, word);
  const indices = Array.from({ length: LATENTS }, (_, i) => i).filter((i) => i % size === rank);
  return Float32Array.from(indices, (i) => mix(all, i) % MODULUS);
}

/** The state one step on, from the parts of all ranks. */
export function fakeNext(before: FakeState, parts: readonly Float32Array[]): FakeState {
  const size = parts.length;
  const latents = Float32Array.from(
    { length: LATENTS },
    (_, i) => parts[i % size]?.[Math.floor(i / size)] ?? Number.NaN,
  );
  return {
    step: before.step + 1,
    latents,
    solver: { previousX0: before.latents },
    words: before.words.map((word) => mix(word, before.step)),
  };
}

/** The bytes of a video whose last latents these are. */
export function fakeMp4(latents: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(`video of ${latents.join(" ")}. ${"frame ".repeat(24)}`));
}

/** What a request must come out as, whatever happens on the way. */
export function expectedMp4(args: ResolvedArguments): Uint8Array<ArrayBuffer> {
  let state = fakeStart(args);
  while (state.step < args.numInferenceSteps) state = fakeNext(state, [fakePart(args, state, 0, 1)]);
  return fakeMp4(state.latents);
}
