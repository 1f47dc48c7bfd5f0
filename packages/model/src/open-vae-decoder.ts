import type { VaeConfig } from "./checkpoint/configs.js";
import type { Weights } from "./checkpoint/weights.js";
import type { VaeDecoder } from "./components.js";
import { chunkGraph } from "./graph/vae-chain.js";
import { decoderChain } from "./graph/vae-decoder.js";
import { decodeTiles } from "./latents/tiles.js";
import type { Precision, Runtime } from "./session.js";
import { requireVolume, runHalf, tilesFor } from "./vae-chunks.js";
import { openFilm } from "./vae-film.js";

/**
 * AutoencoderKLCogVideoX.decode on one rank: one session for every size and every chunk. `invalid_checkpoint` for weights
 * that are not the config's; `unsupported` from `decode` for tiles that do not fit together.
 */
export async function openVaeDecoder(
  runtime: Runtime,
  config: VaeConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<VaeDecoder> {
  const half = decoderChain(config);
  const graph = chunkGraph(half, weights, precision);
  weights.requireAllUsed((name) => name.startsWith("encoder."));
  const session = await runtime.open(graph, signal);
  const film = runtime.isFar === true ? openFilm(runtime, half, weights, precision) : undefined;
  return {
    async decode(latents, size, { tiling, onChunk = () => {} }, decodeSignal) {
      const volume = requireVolume(half, latents, size);
      const tiles = tilesFor(tiling, (options) => decodeTiles(config, options), size);
      const { data, frames, height, width } = await runHalf(
        { half, session, film },
        volume,
        tiles,
        onChunk,
        decodeSignal,
      );
      return { sample: data, size: { frames, height, width } };
    },
    async close() {
      await Promise.all([session.close(), film?.close()]);
    },
  };
}
