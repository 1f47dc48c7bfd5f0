import { ClusterError } from "@cogfleet/core";
import type { VaeConfig } from "./checkpoint/configs.js";
import type { Weights } from "./checkpoint/weights.js";
import type { VaeEncoder } from "./components.js";
import { chunkGraph } from "./graph/vae-chain.js";
import { encoderChain } from "./graph/vae-encoder.js";
import { encodeTiles } from "./latents/tiles.js";
import type { Precision, Runtime } from "./session.js";
import { requireVolume, runHalf, tilesFor } from "./vae-chunks.js";

/**
 * AutoencoderKLCogVideoX.encode on one rank: one session for every size and every chunk. `invalid_checkpoint` for weights
 * that are not the config's; from `encode`, `invalid_request` for a size that gives no whole latents, `unsupported` for
 * tiles that do not fit together.
 */
export async function openVaeEncoder(
  runtime: Runtime,
  config: VaeConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<VaeEncoder> {
  const half = encoderChain(config);
  const graph = chunkGraph(half, weights, precision);
  weights.requireAllUsed((name) => name.startsWith("decoder."));
  const session = await runtime.open(graph, signal);
  const scale = 2 ** half.output.level;
  return {
    async encode(video, size, { tiling }, encodeSignal) {
      if (size.height % scale !== 0 || size.width % scale !== 0)
        throw new ClusterError(
          "invalid_request",
          `height and width must be multiples of ${scale} for the VAE encoder, got ${size.height} x ${size.width}`,
        );
      const volume = requireVolume(half, video, size);
      const tiles = tilesFor(tiling, (options) => encodeTiles(config, options), size);
      const { data, frames, height, width } = await runHalf(
        { half, session },
        volume,
        tiles,
        () => {},
        encodeSignal,
      );
      return { moments: data, size: { frames, height, width } };
    },
    close: () => session.close(),
  };
}
