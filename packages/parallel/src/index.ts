export {
  type Arrangement,
  type AttentionCell,
  arrange,
  attentionCells,
  splitHeads,
} from "./arrangement.js";
export {
  type Block,
  blockBytes,
  bytesOf,
  copyBlocks,
  floatsIn,
  readBlocks,
  viewBlocks,
  whole,
  writeBlocks,
} from "./block.js";
export { COMPRESSIONS, type Compression } from "./compression.js";
export { type ContextLayout, contextLayout } from "./context-layout.js";
export { forwardFlops } from "./cost.js";
export {
  type DenoiseDeal,
  dealDenoise,
  dealEmbeds,
  dealState,
  gatherState,
  type OwnState,
} from "./denoise-deal.js";
export {
  type AttentionOperands,
  type ExchangeShape,
  headsToRows,
  rowsToHeads,
} from "./exchange.js";
export { allGatherRows, type GatherShape, gatherRows } from "./gather.js";
export { checkPeer, type Group, subgroup } from "./group.js";
export {
  lengthMismatch,
  type MessageName,
  offersFull,
  rankLeft,
  rankLost,
  tagInUse,
} from "./group-errors.js";
export { type HaloNeighbours, type HaloShape, lastFrames, passHalo } from "./halo.js";
export { type JobArguments, type JobShape, jobShape, jointTokens } from "./job-shape.js";
export {
  type Alternative,
  type Explanation,
  makePlan,
  type PlanInput,
  type PlanResult,
} from "./make-plan.js";
export { measureLink } from "./measure-link.js";
export { type MemoryGroupOptions, type MemoryGroups, memoryGroups } from "./memory-group.js";
export { ownPositions } from "./own-positions.js";
export {
  choiceProblem,
  fitChoice,
  PARALLEL_RULE,
  type ParallelChoice,
  parseParallel,
  showParallel,
} from "./parallel-choice.js";
export { MAX_RANKS, ONE_RANK, type Plan, planSize, type VaePlan } from "./plan.js";
export {
  DEFAULT_HOST_BYTES_PER_SECOND,
  type Fleet,
  type Link,
  type PlanWorker,
  type TransformerForm,
} from "./plan-fleet.js";
export { rankNeeds } from "./rank-memory.js";
export { type ShardedDenoiseDeps, shardedDenoiseStep } from "./sharded-denoise.js";
export {
  type ShardedComponents,
  type ShardedDecode,
  shardedTextToVideo,
} from "./sharded-text-to-video.js";
export {
  openShardedTransformer,
  type ShardedTransformer,
  type ShardedTransformerInput,
} from "./sharded-transformer.js";
export {
  openShardedVaeDecoder,
  openShardedVaeEncoder,
  type ShardedVaeDecoder,
  type ShardedVaeEncoder,
  type ShardedVaeOptions,
} from "./sharded-vae.js";
export { dealShares, dealt, overlap, type Share } from "./shares.js";
export type { Limit, StageEstimate } from "./stage-estimate.js";
export { swap } from "./swap.js";
export { together } from "./together.js";
export { unsharded } from "./unsharded.js";
export { chunkWork, dealChunks, planVae, planVaeEncode } from "./vae-shares.js";
