import type { ModelFacts } from "../request.js";
import { elements, type Precision } from "../session.js";
import { type Checkpoint, configsOf } from "./folder.js";
import { ELEMENT_BYTES, type Stage, type StageMemory, stageMemory, type VideoShape } from "./memory.js";
import type { StoredWeightType, WeightRef } from "./weights.js";

export interface ComponentSize {
  readonly name: "text_encoder" | "transformer" | "vae";
  readonly parameters: number;
  /** Element types in the files. */
  readonly types: readonly StoredWeightType[];
  /** Bytes in the files. */
  readonly storedBytes: number;
  /** Bytes once all weights have one type. */
  readonly bytes: Readonly<Record<Precision, number>>;
}

export interface StageNeed {
  readonly stage: Stage;
  /** Weights and activations of this stage alone, at the default shape; estimated, see memory.ts. */
  readonly bytes: Readonly<Record<Precision, number>>;
}

/** What `cogfleet model inspect` shows. */
export interface Inspection {
  readonly facts: ModelFacts;
  readonly components: readonly ComponentSize[];
  /** What the memory is estimated for: the defaults of a request. */
  readonly shape: VideoShape;
  readonly stages: readonly StageNeed[];
  /** Of the largest stage: no two stages' weights need be in memory together. */
  readonly peakBytes: Readonly<Record<Precision, number>>;
  /** fp16 overflows in checkpoints of the 5B family (rotary positions) and is refused there. */
  readonly refusesFp16: boolean;
}

/** Sizes and memory of a checkpoint that is open; computes nothing and reads nothing more. */
export function inspect(checkpoint: Checkpoint): Inspection {
  const { facts, transformer, vae, textEncoder } = checkpoint;
  const shape: VideoShape = {
    numFrames: facts.defaultNumFrames,
    height: facts.defaultHeight,
    width: facts.defaultWidth,
    textTokens: facts.maxTextSeqLength,
  };
  const configs = configsOf(checkpoint);
  const needs = byPrecision((precision) => stageMemory(configs, shape, precision));
  const stages = needs.fp32.map(({ stage }, i) => ({
    stage,
    bytes: byPrecision((precision) => {
      const { weightBytes, activationBytes } = needs[precision][i] as StageMemory;
      return weightBytes + activationBytes;
    }),
  }));
  return {
    facts,
    components: [
      componentSize("text_encoder", textEncoder.tensors),
      componentSize("transformer", transformer.tensors),
      componentSize("vae", vae.tensors),
    ],
    shape,
    stages,
    peakBytes: byPrecision((precision) => Math.max(...stages.map(({ bytes }) => bytes[precision]))),
    refusesFp16: transformer.config.useRotaryPositionalEmbeddings,
  };
}

function componentSize(name: ComponentSize["name"], tensors: ReadonlyMap<string, WeightRef>): ComponentSize {
  const refs = [...tensors.values()];
  const parameters = refs.reduce((sum, { dims }) => sum + elements(dims), 0);
  return {
    name,
    parameters,
    types: [...new Set(refs.map(({ type }) => type))].sort(),
    storedBytes: refs.reduce((sum, { bytes }) => sum + bytes, 0),
    bytes: byPrecision((precision) => parameters * ELEMENT_BYTES[precision]),
  };
}

function byPrecision<T>(value: (precision: Precision) => T): Readonly<Record<Precision, T>> {
  return { fp32: value("fp32"), fp16: value("fp16"), bf16: value("bf16") };
}
