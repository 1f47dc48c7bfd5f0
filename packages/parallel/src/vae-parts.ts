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
  /** Names of the outputs that the next part alone reads. */
  readonly keeps: readonly string[];
  readonly session: Session;
}

const HANDED_ON = new Set(["out.x", "out.skip"]);

/** A half of the VAE in parts, the first one first. */
export interface CutHalf {
  readonly half: VaeHalf;
  readonly parts: readonly VaePart[];
  close(): Promise<void>;
}

/** Loads the parts, for every size and every chunk. */
export async function openParts<Context>(
  runtime: Runtime,
  chain: Chain<Context>,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<CutHalf> {
  const cuts = chain.links.flatMap((link, index) => (link.kind === "conv" ? [{ conv: link, index }] : []));
  const graphs = cuts.map(({ index }, i) =>
    chunkGraph(chain, weights, precision, { from: index, to: cuts[i + 1]?.index ?? chain.links.length }),
  );
  const sessions = await runtime.openTogether(`${chain.name}.parts`, graphs, signal);
  const parts = graphs.map(({ name, inputs, outputs }, i): VaePart => {
    const takes = new Set(inputs.map((port) => port.name));
    const keeps = outputs.map((port) => port.name).filter((port) => HANDED_ON.has(port));
    return { name, conv: cuts[i]?.conv as ConvLink, takes, keeps, session: sessions[i] as Session };
  });
  return {
    half: chain,
    parts,
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}
