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
export type { SchedulerConfig, T5Config, TransformerConfig, VaeConfig } from "./checkpoint/configs.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint/folder.js";
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
export { type Attribute, GraphBuilder, type Value } from "./graph/graph-builder.js";
export type { GenerationArguments, ModelFacts, ResolvedArguments } from "./request.js";
export { resolveRequest } from "./request-gate.js";
export {
  type ElementType,
  elements,
  type Graph,
  type GraphPort,
  type Precision,
  type Runtime,
  type Session,
  type Tensor,
  type TensorData,
} from "./session.js";
export { createTokenizer, openTokenizer } from "./text/tokenizer.js";
