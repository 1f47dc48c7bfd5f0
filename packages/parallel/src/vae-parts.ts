// A half of the VAE cut at every causal convolution, so that chunks can be computed layer by layer.
import {
  type Chain,
  type ConvLink,
  chunkGraph,
  type Precision,
  type Runtime,
  type Session,
  type VaeHalf,
  type Weights,
} from "@cogfleet/model";

/** A causal convolution with what follows it, up to before the next one. */
export interface VaePart {
  /** For errors. */
  readonly name: string;
  readonly conv: ConvLink;
  /** Names of the graph's inputs. */
  readonly takes: ReadonlySet<string>;
  readonly session: Session;
}

/** A half of the VAE in parts, the first one first. */
export interface CutHalf {
  readonly half: VaeHalf;
  readonly parts: readonly VaePart[];
  close(): Promise<void>;
}

/** Loads the parts: one session each for every size and every chunk. Closes what it has opened when one fails. */
export async function openParts<Context>(
  runtime: Runtime,
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<CutHalf> {
  const cuts = chain.links.flatMap((link, index) => (link.kind === "conv" ? [{ conv: link, index }] : []));
  const parts: VaePart[] = [];
  const close = async (): Promise<void> => {
    for (const part of parts.toReversed()) await part.session.close();
  };
  try {
    for (const [i, { conv, index }] of cuts.entries()) {
      const range = { from: index, to: cuts[i + 1]?.index ?? chain.links.length };
      const graph = chunkGraph(chain, weights, precision, range);
      const session = await runtime.open(graph, signal);
      const takes = new Set(graph.inputs.map((port) => port.name));
      parts.push({ name: graph.name, conv, takes, session });
    }
  } catch (reason) {
    await close();
    throw reason;
  }
  return { half: chain, parts, close };
}
