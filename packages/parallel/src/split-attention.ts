import type { AttentionCell } from "./arrangement.js";
import { unwritten } from "./block.js";
import type { ContextLayout } from "./context-layout.js";
import { type AttentionOperands, headsIntoRows, rowsToHeads } from "./exchange.js";
import type { Group } from "./group.js";
import { together } from "./together.js";

/** What the ranks of a half agree on for one attention. */
export interface SplitAttentionShape {
  readonly batch: number;
  /** D times the size of an element. */
  readonly headBytes: number;
  readonly layout: ContextLayout;
}

/** Computes a cell: query [B, Q, h, D], key and value [B, S, h, D] to [B, Q, h, D]. The operands are its own. */
export type AttendCell = (
  operands: AttentionOperands,
  cell: AttentionCell,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/**
 * One attention over the ranks of a half, part after part: while a part computes, the next one's operands arrive and
 * the result of the one before goes back.
 *
 *   in   query, key, value [B, own S, H, D]   lent until the promise settles
 *   out  [B, own S, H, D], standing alone in its buffer
 */
export async function splitAttention(
  group: Group,
  operands: AttentionOperands,
  { batch, headBytes, layout }: SplitAttentionShape,
  attend: AttendCell,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { heads, rows, parts } = layout;
  const output = unwritten(operands.query.length);
  const from = async (part: number, partSignal: AbortSignal): Promise<void> => {
    const cells = parts[part];
    if (cells === undefined) return;
    const shape = { batch, heads, headBytes, rows, cells };
    const cell = cells[group.rank] as AttentionCell;
    const own = await rowsToHeads(group, operands, shape, `${tag}.${part}.in`, partSignal);
    await together(
      [
        async (s) => {
          const isEmpty = cell.heads.count === 0 || cell.queries.count === 0;
          const result = isEmpty ? new Uint8Array() : await attend(own, cell, s);
          await headsIntoRows(group, result, output, shape, `${tag}.${part}.out`, s);
        },
        // Once this part's operands are here, so that it need not share the wire with the next one's.
        (s) => from(part + 1, s),
      ],
      partSignal,
    );
  };
  await from(0, signal);
  return output;
}
