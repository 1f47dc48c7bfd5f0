export { checkWeights } from "./checkpoint/check-weights.js";
export {
  type Component,
  readScheduler,
  readTextEncoderFolder,
  readTransformerFolder,
  readVaeFolder,
} from "./checkpoint/component.js";
export {
  parseSchedulerConfig,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
} from "./checkpoint/config-parsers.js";
export type {
  ModelConfigs,
  SchedulerConfig,
  T5Config,
  TransformerConfig,
  VaeConfig,
} from "./checkpoint/configs.js";
export { type Checkpoint, configsOf, openCheckpoint } from "./checkpoint/folder.js";
export { type ComponentSize, type Inspection, inspect, type StageNeed } from "./checkpoint/inspect.js";
export {
  cutDecodeActivations,
  ELEMENT_BYTES,
  layerActivations,
  type Stage,
  type StageMemory,
  stageMemory,
  type VideoShape,
} from "./checkpoint/memory.js";
export { t5Parameters } from "./checkpoint/parameters.js";
export {
  floatsOf,
  readTensors,
  type StoredData,
  type StoredTensor,
  writeSafetensors,
} from "./checkpoint/safetensors-file.js";
export {
  type StoredWeightType,
  type WeightRef,
  type Weights,
  type WeightType,
  weightsOf,
} from "./checkpoint/weights.js";
export type {
  FrameSize,
  TextEncoder,
  Tokenizer,
  Transformer,
  TransformerInput,
  VaeDecoder,
  VaeEncoder,
} from "./components.js";
export { type DenoisePlan, type DenoiseState, denoiseStep, startDenoise } from "./diffusion/denoise.js";
export { guidanceAt, guide, isGuided } from "./diffusion/guidance.js";
export { randn, randn64, randnHalf, randnTensor } from "./diffusion/noise.js";
export {
  createScheduler,
  type Scheduler,
  type SchedulerResult,
  type SchedulerStep,
  type SolverState,
} from "./diffusion/scheduler.js";
export { previousTimestep } from "./diffusion/timesteps.js";
export { type GeneratorState, TorchGenerator } from "./diffusion/torch-generator.js";
export { type Attribute, GraphBuilder, type Value } from "./graph/graph-builder.js";
export { requirePrecision, requireWeightsUsed, sampleOutput } from "./graph/transformer.js";
export { rotaryInputs, transformerInputs } from "./graph/transformer-inputs.js";
export {
  type Attended,
  afterAttention,
  attend,
  beforeAttention,
  innerDim,
  type Lengths,
  lengths,
  type Rotary,
  type Streams,
  type TransformerContext,
} from "./graph/transformer-segments.js";
export { type Chain, type ConvLink, chunkGraph, type LinkRange, type VaeHalf } from "./graph/vae-chain.js";
export { decoderChain } from "./graph/vae-decoder.js";
export { encoderChain } from "./graph/vae-encoder.js";
export { CACHED_FRAMES, cachePorts } from "./graph/vae-layers.js";
export type { FrameRange } from "./latents/chunks.js";
export { isFiniteEverywhere } from "./latents/finite.js";
export { toFrames, toPixels } from "./latents/frames.js";
export {
  type LatentShape,
  type Patch,
  patchify,
  type RowRange,
  type TokenGrid,
  tokenCount,
  tokenGrid,
  unpatchify,
} from "./latents/patches.js";
export { posteriorDraw, posteriorMode, scaleImageLatents } from "./latents/posterior.js";
export { timestepSinusoid } from "./latents/sincos.js";
export { TileBlender, type TileGrid, tileGrid } from "./latents/tile-grid.js";
export {
  decodeTiles,
  encodeTiles,
  isTiled,
  type TileAxis,
  type TilePlan,
  type TilingOptions,
  tilesAlong,
} from "./latents/tiles.js";
export { latentsToDecode, type VideoLatents, videoLatents } from "./latents/video-latents.js";
export { type Area, type Box, cutBox, emptyVolume, pasteBox, type Volume } from "./latents/volume.js";
export { openAlternatives } from "./open-alternatives.js";
export { openTextEncoder } from "./open-text-encoder.js";
export { OFS, openTransformer } from "./open-transformer.js";
export { openVaeDecoder } from "./open-vae-decoder.js";
export { openVaeEncoder } from "./open-vae-encoder.js";
export type { GenerationArguments, ModelFacts, ResolvedArguments } from "./request.js";
export { resolveRequest } from "./request-gate.js";
export {
  type ElementType,
  elements,
  forgetKept,
  type Given,
  type Graph,
  type GraphPort,
  type KeptTensor,
  type Precision,
  type Runtime,
  requireInputs,
  type Session,
  type Tensor,
  type TensorData,
} from "./session.js";
export { type EncodedPrompts, encodePrompts } from "./text/encode-prompts.js";
export { createPromptEncoder, type PromptEmbedding, type PromptEncoder } from "./text/prompt-cache.js";
export { relativeBucket } from "./text/relative-buckets.js";
export { createTokenizer, openTokenizer } from "./text/tokenizer.js";
export {
  decodeLatents,
  type GeneratedVideo,
  type PipelineConfig,
  planDenoise,
  type TextToVideoComponents,
  type TextToVideoHooks,
  textToVideo,
  type VideoSample,
} from "./text-to-video.js";
export { positionInputs, requireSize, type TransformerSize } from "./transformer-positions.js";
export {
  type ChunkOutput,
  type LoadedHalf,
  noCache,
  outputRanges,
  outputVolume,
  requireFloats,
  requireVolume,
  runChunks,
  tilesFor,
} from "./vae-chunks.js";
export { openFilm } from "./vae-film.js";
