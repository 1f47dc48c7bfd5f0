/** What a model lets users ask for: announced by workers, kept by the coordinator, used by the gate. */
export interface ModelFacts {
  readonly name: string;
  /** sha256 of the checkpoint's configs, lower-case hex. */
  readonly digest: string;
  readonly variant: "1.0" | "1.5" | "i2v-1.0" | "i2v-1.5";
  readonly minHeight: number;
  readonly maxHeight: number;
  readonly minWidth: number;
  readonly maxWidth: number;
  readonly maxNumFrames: number;
  readonly defaultScheduler: "ddim" | "dpm";
  readonly defaultHeight: number;
  readonly defaultWidth: number;
  readonly defaultNumFrames: number;
  readonly defaultFps: number;
  readonly maxTextSeqLength: number;
  /** No other max_sequence_length than maxTextSeqLength is possible (positions are added to the text too). */
  readonly fixedSequenceLength: boolean;
}

/** Arguments of a generation as a user gives them: diffusers' names in camelCase, what is left out is undefined. */
export interface GenerationArguments {
  readonly prompt: string;
  readonly negativePrompt?: string | undefined;
  /** Decimal digits, so that a number too large for a double is refused, not rounded. */
  readonly seed?: string | undefined;
  readonly numInferenceSteps?: number | undefined;
  readonly guidanceScale?: number | undefined;
  readonly useDynamicCfg?: boolean | undefined;
  readonly scheduler?: string | undefined;
  readonly numFrames?: number | undefined;
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly fps?: number | undefined;
  readonly maxSequenceLength?: number | undefined;
  readonly vaeTiling?: boolean | undefined;
}

/** A request that has passed the gate: nothing is left out. */
export interface ResolvedArguments {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** 0 to 2^53 - 1. */
  readonly seed: number;
  readonly numInferenceSteps: number;
  readonly guidanceScale: number;
  readonly useDynamicCfg: boolean;
  readonly scheduler: "ddim" | "dpm";
  readonly numFrames: number;
  readonly height: number;
  readonly width: number;
  readonly fps: number;
  readonly maxSequenceLength: number;
  readonly vaeTiling: boolean;
}
