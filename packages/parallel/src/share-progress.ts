import { ClusterError } from "@cogfleet/core";
import type { DenoiseState, GeneratorState } from "@cogfleet/model";
import { bytesOf, whole } from "./block.js";
import type { Group } from "./group.js";
import { together } from "./together.js";

/** What is small of a state, and the same on every rank. */
export interface Progress {
  readonly step: number;
  /** Whether the solver remembers nothing yet. */
  readonly isFirst: boolean;
  readonly generators: readonly GeneratorState[];
}

const WORDS = 624;
const GENERATOR_VALUES = WORDS + 2; // with its index, and the normal it keeps or NaN

/** Tells all ranks what rank 0 knows of a state; the others pass undefined. */
export async function shareProgress(
  group: Group,
  state: DenoiseState | undefined,
  signal: AbortSignal,
): Promise<Progress> {
  if (group.rank !== 0) {
    const head = new Float64Array(3);
    await group.recv(0, "progress", [whole(bytesOf(head))], signal);
    const [step = 0, isFirst = 0, count = 0] = head;
    const values = new Float64Array(count * GENERATOR_VALUES);
    await group.recv(0, "generators", [whole(bytesOf(values))], signal);
    const generators = Array.from({ length: count }, (_, i) =>
      readGenerator(values.subarray(i * GENERATOR_VALUES, (i + 1) * GENERATOR_VALUES)),
    );
    return { step, isFirst: isFirst === 1, generators };
  }
  if (state === undefined) throw new ClusterError("internal", "rank 0 has no state to go on from");
  const { step, generators } = state;
  const isFirst = state.solver.previousX0 === undefined;
  const head = Float64Array.of(step, isFirst ? 1 : 0, generators.length);
  const values = Float64Array.from(generators.flatMap(writeGenerator));
  const others = Array.from({ length: group.size - 1 }, (_, i) => i + 1);
  await together(
    others.flatMap((rank) => [
      (part) => group.send(rank, "progress", [whole(bytesOf(head))], part),
      (part) => group.send(rank, "generators", [whole(bytesOf(values))], part),
    ]),
    signal,
  );
  return { step, isFirst, generators };
}

function writeGenerator({ words, index, nextNormal = Number.NaN }: GeneratorState): number[] {
  if (words.length !== WORDS)
    throw new ClusterError("data_loss", `a generator's state has ${WORDS} words, got ${words.length}`);
  return [...words, index, nextNormal];
}

function readGenerator(values: Float64Array): GeneratorState {
  const nextNormal = values[WORDS + 1] as number;
  return {
    words: Uint32Array.from(values.subarray(0, WORDS)),
    index: values[WORDS] as number,
    nextNormal: Number.isNaN(nextNormal) ? undefined : nextNormal,
  };
}
