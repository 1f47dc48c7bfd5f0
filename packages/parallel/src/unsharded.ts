import { ClusterError } from "@cogfleet/core";
import { patchify, type Transformer, type TransformerConfig, unpatchify } from "@cogfleet/model";
import type { ShardedTransformer } from "./sharded-transformer.js";

/**
 * The whole transformer in the place of a sharded one, for groups of one rank: plans without context parallelism need no
 * cut. Bit for bit what the transformer computes.
 */
export function unsharded(
  transformer: Pick<Transformer, "forward">,
  config: TransformerConfig,
): Pick<ShardedTransformer, "forward"> {
  const patch = { p: config.patchSize, pT: config.patchSizeT ?? 1 };
  return {
    async forward(group, { batch, size, video, text, timestep, ofs }, signal) {
      if (group.size !== 1)
        throw new ClusterError("internal", `the whole transformer serves one rank, not ${group.size}`);
      const { frames, height, width } = size;
      const shape = { batch, frames, height, width };
      const { inChannels, outChannels } = config;
      const hiddenStates = new Float32Array(batch * frames * inChannels * height * width);
      unpatchify(video, hiddenStates, { ...shape, channels: inChannels }, patch);
      const input = { ...shape, hiddenStates, encoderHiddenStates: text, timestep, ofs };
      const sample = await transformer.forward(input, signal);
      return patchify(sample, { ...shape, channels: outChannels }, patch);
    },
  };
}
