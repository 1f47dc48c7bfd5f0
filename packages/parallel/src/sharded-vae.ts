// AutoencoderKLCogVideoX over the ranks of a group. One rank's forms of it are open-vae-decoder.ts and
// open-vae-encoder.ts of model: the same numbers, bit for bit, whatever the plan.
import { ClusterError } from "@cogfleet/core";
import {
  type Chain,
  chunkGraph,
  decoderChain,
  decodeTiles,
  encoderChain,
  encodeTiles,
  type FrameSize,
  type Precision,
  type Runtime,
  requireVolume,
  type TilePlan,
  type TilingOptions,
  tileGrid,
  tilesFor,
  type VaeConfig,
  type Volume,
  type Weights,
} from "@cogfleet/model";
import type { Group } from "./group.js";
import type { VaePlan } from "./plan.js";
import { formOf, type HalfTask, runSharded } from "./sharded-half.js";
import { dealAreas } from "./vae-deal.js";
import { type VaeForms, vaeForms } from "./vae-forms.js";
import { chunkWork } from "./vae-shares.js";

export interface ShardedVaeOptions {
  /** Whether large sizes go in tiles; an object says how, where it should not be the config's way. */
  readonly tiling: boolean | TilingOptions;
  /** Told on every rank how much of its own part is done, in steps of that part: chunks, or layers of chunks. */
  readonly onChunk?: (done: number, of: number) => void;
}

/** Latents to frames over several ranks. One call at a time. */
export interface ShardedVaeDecoder {
  /** Loads what `decode` will need on this rank, so that it can begin at once. */
  prepare(
    rank: number,
    plan: VaePlan,
    size: FrameSize,
    options: ShardedVaeOptions,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * All ranks of the group call it. `latents` is float32 [C, F, H, W], already divided by the scaling factor; only rank
   * 0's are used. Rank 0 gets float32 [3, F', 8H, 8W] in about [-1, 1], the others undefined. `internal` for a plan that
   * is not for this size and group. A rank that throws must leave the group with the reason: the others wait for it.
   */
  decode(
    group: Group,
    plan: VaePlan,
    latents: Float32Array | undefined,
    size: FrameSize,
    options: ShardedVaeOptions,
    signal: AbortSignal,
  ): Promise<{ readonly sample: Float32Array; readonly size: FrameSize } | undefined>;
  close(): Promise<void>;
}

/** Frames to the posterior's moments over several ranks. One call at a time. */
export interface ShardedVaeEncoder {
  /** As `decode`: `video` is float32 [3, F', H', W'] in [-1, 1], the moments float32 [2C, F, H, W]. */
  encode(
    group: Group,
    plan: VaePlan,
    video: Float32Array | undefined,
    size: FrameSize,
    options: ShardedVaeOptions,
    signal: AbortSignal,
  ): Promise<{ readonly moments: Float32Array; readonly size: FrameSize } | undefined>;
  close(): Promise<void>;
}

/**
 * The decoder on one rank of several. Its graphs are loaded when a plan needs them: the whole one, or the parts.
 * `invalid_checkpoint` for weights that are not the config's.
 */
export async function openShardedVaeDecoder(
  runtime: Runtime,
  config: VaeConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<ShardedVaeDecoder> {
  signal.throwIfAborted();
  const tilesOf = (options: TilingOptions): TilePlan => decodeTiles(config, options);
  const half = openHalf(runtime, decoderChain(config), weights, precision, tilesOf);
  weights.requireAllUsed((name) => name.startsWith("encoder."));
  return {
    prepare: half.prepare,
    async decode(group, plan, latents, size, options, decodeSignal) {
      const out = await half.run(group, plan, latents, size, options, decodeSignal);
      return out && { sample: out.data, size: sizeOf(out) };
    },
    close: half.close,
  };
}

/** The encoder on one rank of several, in the same way. */
export async function openShardedVaeEncoder(
  runtime: Runtime,
  config: VaeConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<ShardedVaeEncoder> {
  signal.throwIfAborted();
  const tilesOf = (options: TilingOptions): TilePlan => encodeTiles(config, options);
  const chain = encoderChain(config);
  const half = openHalf(runtime, chain, weights, precision, tilesOf);
  weights.requireAllUsed((name) => name.startsWith("decoder."));
  const scale = 2 ** chain.output.level;
  return {
    async encode(group, plan, video, size, options, encodeSignal) {
      if (size.height % scale !== 0 || size.width % scale !== 0)
        throw new ClusterError(
          "invalid_request",
          `height and width must be multiples of ${scale} for the VAE encoder, got ${size.height} x ${size.width}`,
        );
      const out = await half.run(group, plan, video, size, options, encodeSignal);
      return out && { moments: out.data, size: sizeOf(out) };
    },
    close: half.close,
  };
}

interface OpenHalf {
  prepare(
    rank: number,
    plan: VaePlan,
    size: FrameSize,
    options: ShardedVaeOptions,
    signal: AbortSignal,
  ): Promise<void>;
  run(
    group: Group,
    plan: VaePlan,
    data: Float32Array | undefined,
    size: FrameSize,
    options: ShardedVaeOptions,
    signal: AbortSignal,
  ): Promise<Volume | undefined>;
  close(): Promise<void>;
}

function openHalf<Context>(
  runtime: Runtime,
  half: Chain<Context>,
  weights: Weights,
  precision: Precision,
  tilesOf: (options: TilingOptions) => TilePlan,
): OpenHalf {
  chunkGraph(half, weights, precision); // asks for every weight: a wrong one is found now
  const forms: VaeForms = vaeForms(runtime, half, weights, precision);
  const taskOf = (
    plan: VaePlan,
    ranks: number,
    size: FrameSize,
    tiling: boolean | TilingOptions,
  ): HalfTask => {
    const grid = tileGrid(tilesFor(tiling, tilesOf, size), size);
    return { half, size, grid, deals: dealAreas(plan, grid.areas, chunkWork(half, size.frames), ranks) };
  };
  return {
    async prepare(rank, plan, size, { tiling }, signal) {
      const form = formOf(taskOf(plan, ranksOf(plan), size, tiling), rank);
      if (form !== undefined) await forms[form](signal);
    },
    async run(group, plan, data, size, { tiling, onChunk = () => {} }, signal) {
      signal.throwIfAborted();
      const task = taskOf(plan, group.size, size, tiling);
      if (group.rank !== 0) return runSharded(forms, group, task, undefined, onChunk, signal);
      const source = requireVolume(half, data ?? new Float32Array(0), size);
      return runSharded(forms, group, task, source, onChunk, signal);
    },
    close: forms.close,
  };
}

function ranksOf(plan: VaePlan): number {
  switch (plan.kind) {
    case "serial":
      return 1;
    case "temporal":
      return plan.chunks.length;
    case "tiles":
      return plan.tiles.length;
  }
}

function sizeOf({ frames, height, width }: Volume): FrameSize {
  return { frames, height, width };
}
