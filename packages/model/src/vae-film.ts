import { ClusterError } from "@cogfleet/core";
import type { Weights } from "./checkpoint/weights.js";
import type { Chain } from "./graph/vae-chain.js";
import { filmGraph, filmPort } from "./graph/vae-film.js";
import { elements, type Precision, type Runtime, type Session, type Tensor } from "./session.js";
import { type ChunkOutput, type Film, noCaches, requireFloats } from "./vae-chunks.js";

/**
 * Runs all chunks of an area in one graph, for runtimes whose tensors cross to a card: what chunks hand on is gigabytes
 * at 480 x 720. The graph is opened when a number of chunks first occurs, and the last one is kept.
 */
export function openFilm<Context>(
  runtime: Runtime,
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
): Film {
  let open: { readonly count: number; readonly session: Session } | undefined;
  /** Values of the smallest area that the card had no room for. */
  let tooLarge = Number.POSITIVE_INFINITY;
  const close = async (): Promise<void> => {
    const closing = open;
    open = undefined;
    await closing?.session.close();
  };
  const sessionFor = async (count: number, signal: AbortSignal): Promise<Session> => {
    if (open?.count === count) return open.session;
    await close();
    open = { count, session: await runtime.open(filmGraph(chain, weights, precision, count), signal) };
    return open.session;
  };
  return {
    async run(chunks, signal) {
      const size = chunks.reduce((sum, { dims }) => sum + elements(dims), 0);
      const [first] = chunks;
      if (first === undefined || size >= tooLarge) return undefined;
      try {
        const session = await sessionFor(chunks.length, signal);
        const ports = chunks.map((chunk, i): [string, Tensor] => [filmPort(chain.input.name, i), chunk]);
        const outputs = await session.run(
          { ...noCaches(chain, first), ...Object.fromEntries(ports) },
          signal,
        );
        return chunks.map(
          (_, i): ChunkOutput => requireFloats(outputs, chain.name, filmPort(chain.output.name, i)),
        );
      } catch (reason) {
        if (!(reason instanceof ClusterError) || reason.code !== "out_of_memory") throw reason;
        tooLarge = size; // chunk by chunk takes less
        await close();
        return undefined;
      }
    },
    close,
  };
}
