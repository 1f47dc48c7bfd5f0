import {
  type Chain,
  chunkGraph,
  type LoadedHalf,
  openFilm,
  type Precision,
  type Runtime,
  type Weights,
} from "@cogfleet/model";
import { type CutHalf, openParts } from "./vae-parts.js";

/**
 * A half of the VAE in one form at a time, as one graph for areas that a rank has to itself, or cut for those it
 * shares: asking for the other one closes what is open.
 */
export interface VaeForms {
  whole(signal: AbortSignal): Promise<LoadedHalf>;
  cut(signal: AbortSignal): Promise<CutHalf>;
  close(): Promise<void>;
}

type Open =
  | { readonly kind: "whole"; readonly loaded: LoadedHalf }
  | { readonly kind: "cut"; readonly loaded: CutHalf };

/** Loads nothing yet. Calls must not overlap. */
export function vaeForms<Context>(
  runtime: Runtime,
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
): VaeForms {
  let open: Open | undefined;
  const close = async (): Promise<void> => {
    const closing = open;
    open = undefined;
    if (closing?.kind === "whole")
      await Promise.all([closing.loaded.session.close(), closing.loaded.film?.close()]);
    if (closing?.kind === "cut") await closing.loaded.close();
  };
  return {
    async whole(signal) {
      if (open?.kind === "whole") return open.loaded;
      await close();
      const session = await runtime.open(chunkGraph(chain, weights, precision), signal);
      const film = runtime.isFar === true ? openFilm(runtime, chain, weights, precision) : undefined;
      const loaded = { half: chain, session, film };
      open = { kind: "whole", loaded };
      return loaded;
    },
    async cut(signal) {
      if (open?.kind === "cut") return open.loaded;
      await close();
      const loaded = await openParts(runtime, chain, weights, precision, signal);
      open = { kind: "cut", loaded };
      return loaded;
    },
    close,
  };
}
