// Arithmetic and bytes of a forward pass. S tokens of the joint sequence, D inner width, H heads, Q query rows and h heads
// of a rank's attention cell, P ranks of a half. All for one branch of the guidance, unless said.
import type { AttentionCell } from "./arrangement.js";
import type { ContextLayout } from "./context-layout.js";
import { type JobShape, jointTokens } from "./job-shape.js";
import { overlap, type Share } from "./shares.js";

/** Bytes by sender, by receiver. */
export type Traffic = readonly (readonly number[])[];

/** Floating-point operations of a rank in one layer. */
export interface LayerFlops {
  /** Products over own rows: q, k, v, out and the feed-forward, 24 D^2 a row. */
  readonly rows: number;
  /** Attention of the rank's cell, 4 Q S D of the whole heads. */
  readonly attention: number;
}

type Width = Pick<JobShape, "innerDim" | "heads" | "textTokens" | "videoTokens">;

/** Floating-point operations of a forward pass: 24 S D^2 + 4 S^2 D a layer. */
export function forwardFlops(shape: Width & Pick<JobShape, "layers">): number {
  const S = jointTokens(shape);
  return shape.layers * (24 * S * shape.innerDim ** 2 + 4 * S ** 2 * shape.innerDim);
}

/** What each rank computes in one layer. The sum over the ranks is that of one rank. */
export function layerFlops(shape: Width, layout: ContextLayout): LayerFlops[] {
  const headDim = shape.innerDim / shape.heads;
  return layout.rows.map(({ count }, rank) => ({
    rows: 24 * count * shape.innerDim ** 2,
    attention: 4 * jointTokens(shape) * headDim * headRows(layout, rank),
  }));
}

/** Bytes of the first exchange of a layer: own rows of q, k and v for the cells of the others. */
export function operandTraffic(shape: Width, layout: ContextLayout, elementBytes: number): Traffic {
  const headBytes = (elementBytes * shape.innerDim) / shape.heads;
  return traffic(layout, (held, cell) => {
    const { count } = overlap(held, cell.queries);
    return cell.heads.count * headBytes * (count + 2 * held.count);
  });
}

/** Bytes of the second one: the cells' results for the rows of the others. */
export function resultTraffic(shape: Width, layout: ContextLayout, elementBytes: number): Traffic {
  const headBytes = (elementBytes * shape.innerDim) / shape.heads;
  return transposed(
    traffic(layout, (held, cell) => cell.heads.count * headBytes * overlap(held, cell.queries).count),
  );
}

/**
 * Bytes that a rank's cuts move between device and host in one layer (onnxruntime-node passes every input and output
 * through host memory): q, k, v and the residual stream out, the cell's operands in, its result out, and the
 * attention and the residual stream in.
 */
export function hostBytes(
  shape: Width,
  layout: ContextLayout,
  rank: number,
  elementBytes: number,
): { readonly rows: number; readonly attention: number } {
  const own = layout.rows[rank]?.count ?? 0;
  const headDim = shape.innerDim / shape.heads;
  const keyRows = layout.parts.reduce((sum, cells) => {
    const cell = cells[rank];
    return sum + (cell === undefined || cell.queries.count === 0 ? 0 : cell.heads.count * jointTokens(shape));
  }, 0);
  return {
    rows: 6 * own * shape.innerDim * elementBytes,
    attention: (2 * headRows(layout, rank) + 2 * keyRows) * headDim * elementBytes,
  };
}

/** Bytes that a pair of the two halves gives each other at each step: the prediction for the rank's own video rows. */
export function swapBytes(
  { latentElements, videoTokens }: JobShape,
  layout: ContextLayout,
  rank: number,
): number {
  return 4 * latentElements * ((layout.video[rank]?.count ?? 0) / videoTokens);
}

/** Bytes of all messages. */
export function totalBytes(bytes: Traffic): number {
  return bytes.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);
}

/** Q h of a rank. */
function headRows({ parts }: ContextLayout, rank: number): number {
  return parts.reduce((sum, cells) => {
    const cell = cells[rank];
    return sum + (cell === undefined ? 0 : cell.queries.count * cell.heads.count);
  }, 0);
}

/** What the cell of `to` takes of the rows that `from` holds, over all parts; nothing goes from a rank to itself. */
function traffic(
  { rows, parts }: ContextLayout,
  bytesOf: (held: Share, cell: AttentionCell) => number,
): Traffic {
  return rows.map((held, from) =>
    rows.map((_, to) => {
      if (from === to) return 0;
      return parts.reduce((sum, cells) => sum + bytesOf(held, cells[to] as AttentionCell), 0);
    }),
  );
}

function transposed(bytes: Traffic): Traffic {
  return bytes.map((_, i) => bytes.map((row) => row[i] as number));
}
