// The components of a pipeline, each computed by several ranks in this process: what workers compute together, without
// a wire in between. B batch, L text tokens.
import { ClusterError } from "@cogfleet/core";
import type {
  Precision,
  Runtime,
  Transformer,
  TransformerConfig,
  VaeConfig,
  VaeDecoder,
  VaeEncoder,
  Weights,
} from "@cogfleet/model";
import { patchify, requireSize, tokenCount, tokenGrid, unpatchify } from "@cogfleet/model";
import {
  contextLayout,
  openShardedTransformer,
  openShardedVaeDecoder,
  openShardedVaeEncoder,
  type Plan,
  planVae,
  planVaeEncode,
  type ShardedTransformer,
  type Share,
} from "@cogfleet/parallel";
import { ranksOf } from "./on-ranks.js";

/** So many ranks of the same speed, which share the rows. */
export function evenly(ranks: number): Omit<Plan, "vae"> {
  return { cfg: 1, context: ranks, rates: new Array<number>(ranks).fill(1) };
}

/** A sharded transformer in the place of a whole one: rows dealt out, computed by all ranks, and put together again. */
export async function openTransformerOnRanks(
  ranks: number,
  ...parts: Parameters<typeof openShardedTransformer>
): Promise<Transformer> {
  const [, config] = parts;
  const sharded = await openShardedTransformer(...parts);
  return {
    forward: (input, signal) => forward(sharded, config, ranks, input, signal),
    close: () => sharded.close(),
  };
}

async function forward(
  sharded: ShardedTransformer,
  config: TransformerConfig,
  ranks: number,
  input: Parameters<Transformer["forward"]>[0],
  signal: AbortSignal,
): Promise<Float32Array> {
  const { batch, frames, height, width, timestep, ofs, encoderHiddenStates: text } = input;
  const { patchSize: p, patchSizeT, inChannels, outChannels, textEmbedDim } = config;
  const patch = { p, pT: patchSizeT ?? 1 };
  const textTokens = text.length / batch / textEmbedDim;
  const size = { frames, height, width, textTokens };
  requireSize(config, size);
  const shape = { batch, frames, height, width, channels: inChannels };
  const videoTokens = tokenCount(tokenGrid(shape, patch));
  const layout = contextLayout(evenly(ranks), { heads: config.numAttentionHeads, textTokens, videoTokens });
  const sample = new Float32Array(batch * frames * outChannels * height * width);
  await ranksOf(ranks)(async (group) => {
    const own = layout.video[group.rank] as Share;
    const range = { from: own.start, to: own.start + own.count };
    const video = patchify(input.hiddenStates, shape, patch, range);
    const ownText = textRows(text, batch, textEmbedDim, layout.text[group.rank] as Share);
    const rows = await sharded.forward(
      group,
      { batch, size, layout, video, text: ownText, timestep, ofs },
      signal,
    );
    unpatchify(rows, sample, { ...shape, channels: outChannels }, patch, range);
  });
  return sample;
}

/** Rows of each entry of [B, L, width]. */
function textRows(text: Float32Array, batch: number, width: number, { start, count }: Share): Float32Array {
  const rows = new Float32Array(batch * count * width);
  const entry = text.length / batch;
  for (let b = 0; b < batch; b++) {
    const from = b * entry + start * width;
    rows.set(text.subarray(from, from + count * width), b * count * width);
  }
  return rows;
}

/** A sharded decoder in the place of a whole one. */
export async function openVaeDecoderOnRanks(
  ranks: number,
  runtime: Runtime,
  config: VaeConfig,
  weights: () => Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<VaeDecoder> {
  const decoders = await opened(ranks, () =>
    openShardedVaeDecoder(runtime, config, weights(), precision, signal),
  );
  return {
    async decode(latents, size, options, decodeSignal) {
      const plan = planVae(config, size, options.tiling, evenly(ranks).rates);
      const [whole] = await ranksOf(ranks)(async (group) => {
        const given = group.rank === 0 ? latents : undefined;
        return decoders[group.rank]?.decode(group, plan, given, size, options, decodeSignal);
      });
      return whole ?? missing("sample");
    },
    close: async () => void (await Promise.all(decoders.map((one) => one.close()))),
  };
}

/** A sharded encoder in the place of a whole one. */
export async function openVaeEncoderOnRanks(
  ranks: number,
  runtime: Runtime,
  config: VaeConfig,
  weights: () => Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<VaeEncoder> {
  const encoders = await opened(ranks, () =>
    openShardedVaeEncoder(runtime, config, weights(), precision, signal),
  );
  return {
    async encode(video, size, options, encodeSignal) {
      const plan = planVaeEncode(config, size, options.tiling, evenly(ranks).rates);
      const [whole] = await ranksOf(ranks)(async (group) => {
        const given = group.rank === 0 ? video : undefined;
        return encoders[group.rank]?.encode(group, plan, given, size, options, encodeSignal);
      });
      return whole ?? missing("moments");
    },
    close: async () => void (await Promise.all(encoders.map((one) => one.close()))),
  };
}

/** One for each rank: each keeps what its part needs. */
function opened<T>(ranks: number, open: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: ranks }, open));
}

function missing(what: string): never {
  throw new ClusterError("internal", `rank 0 was given no ${what}`);
}
