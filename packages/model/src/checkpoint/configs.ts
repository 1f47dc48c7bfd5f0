// What the config.json files of a CogVideoX checkpoint say: diffusers' names in camelCase, every default filled in.

/** CogVideoXTransformer3DModel (models/transformers/cogvideox_transformer_3d.py). */
export interface TransformerConfig {
  readonly numAttentionHeads: number;
  readonly attentionHeadDim: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly timeEmbedDim: number;
  readonly ofsEmbedDim: number | null;
  readonly textEmbedDim: number;
  readonly numLayers: number;
  readonly attentionBias: boolean;
  readonly sampleWidth: number;
  readonly sampleHeight: number;
  readonly sampleFrames: number;
  readonly patchSize: number;
  readonly patchSizeT: number | null;
  readonly temporalCompressionRatio: number;
  readonly maxTextSeqLength: number;
  readonly normEps: number;
  readonly spatialInterpolationScale: number;
  readonly temporalInterpolationScale: number;
  readonly useRotaryPositionalEmbeddings: boolean;
  readonly useLearnedPositionalEmbeddings: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/** AutoencoderKLCogVideoX (models/autoencoders/autoencoder_kl_cogvideox.py). */
export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly blockOutChannels: readonly number[];
  readonly latentChannels: number;
  readonly layersPerBlock: number;
  readonly normEps: number;
  readonly normNumGroups: number;
  readonly temporalCompressionRatio: number;
  readonly sampleHeight: number;
  readonly sampleWidth: number;
  readonly scalingFactor: number;
  readonly invertScaleLatents: boolean;
}

/** T5EncoderModel, version 1.1 (transformers, models/t5/configuration_t5.py). */
export interface T5Config {
  readonly vocabSize: number;
  readonly dModel: number;
  readonly dKv: number;
  readonly dFf: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly relativeAttentionNumBuckets: number;
  readonly relativeAttentionMaxDistance: number;
  readonly layerNormEpsilon: number;
}

/** CogVideoXDDIMScheduler and CogVideoXDPMScheduler. */
export interface SchedulerConfig {
  readonly kind: "ddim" | "dpm";
  readonly numTrainTimesteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: "scaled_linear" | "linear";
  readonly predictionType: "v_prediction" | "epsilon";
  readonly timestepSpacing: "trailing" | "leading" | "linspace";
  readonly rescaleBetasZeroSnr: boolean;
  readonly setAlphaToOne: boolean;
  readonly stepsOffset: number;
  readonly snrShiftScale: number;
}

/** What sizes, memory and plans follow from. */
export interface ModelConfigs {
  readonly transformer: TransformerConfig;
  readonly vae: VaeConfig;
  readonly textEncoder: T5Config;
}
