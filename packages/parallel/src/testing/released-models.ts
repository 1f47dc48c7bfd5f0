// Sizes of the released checkpoints, without their weights: for cost models, whose published figures they are checked by.
import type { ModelConfigs, T5Config, TransformerConfig, VaeConfig } from "@cogfleet/model";
import type { JobArguments } from "../job-shape.js";

const FIVE_B: TransformerConfig = {
  numAttentionHeads: 48,
  attentionHeadDim: 64,
  inChannels: 16,
  outChannels: 16,
  timeEmbedDim: 512,
  ofsEmbedDim: null,
  textEmbedDim: 4096,
  numLayers: 42,
  attentionBias: true,
  sampleWidth: 90,
  sampleHeight: 60,
  sampleFrames: 49,
  patchSize: 2,
  patchSizeT: null,
  temporalCompressionRatio: 4,
  maxTextSeqLength: 226,
  normEps: 1e-5,
  spatialInterpolationScale: 1.875,
  temporalInterpolationScale: 1,
  useRotaryPositionalEmbeddings: true,
  useLearnedPositionalEmbeddings: false,
  flipSinToCos: true,
  freqShift: 0,
};

const VAE: VaeConfig = {
  inChannels: 3,
  outChannels: 3,
  blockOutChannels: [128, 256, 256, 512],
  latentChannels: 16,
  layersPerBlock: 3,
  normEps: 1e-6,
  normNumGroups: 32,
  temporalCompressionRatio: 4,
  sampleHeight: 480,
  sampleWidth: 720,
  scalingFactor: 0.7,
  invertScaleLatents: false,
};

/** T5 v1.1 XXL. */
const TEXT_ENCODER: T5Config = {
  vocabSize: 32128,
  dModel: 4096,
  dKv: 64,
  dFf: 10240,
  numLayers: 24,
  numHeads: 64,
  relativeAttentionNumBuckets: 32,
  relativeAttentionMaxDistance: 128,
  layerNormEpsilon: 1e-6,
};

/** By the names people use. */
export const RELEASED_MODELS = {
  "2B": {
    transformer: {
      ...FIVE_B,
      numAttentionHeads: 30,
      numLayers: 30,
      useRotaryPositionalEmbeddings: false,
    },
    vae: { ...VAE, scalingFactor: 1.15258426 },
    textEncoder: TEXT_ENCODER,
  },
  "5B": { transformer: FIVE_B, vae: VAE, textEncoder: TEXT_ENCODER },
  "1.5-5B": {
    transformer: { ...FIVE_B, patchSizeT: 2, sampleHeight: 300, sampleWidth: 300, sampleFrames: 81 },
    vae: VAE,
    textEncoder: TEXT_ENCODER,
  },
} as const satisfies Readonly<Record<string, ModelConfigs>>;

/** 49 frames of 480 x 720. */
export const ARGUMENTS_480P: JobArguments = {
  scheduler: "ddim",
  numFrames: 49,
  height: 480,
  width: 720,
  numInferenceSteps: 50,
  guidanceScale: 6,
  maxSequenceLength: 226,
  vaeTiling: false,
};
