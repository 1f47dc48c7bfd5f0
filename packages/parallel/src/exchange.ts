// Shapes: B batch, S rows of the joint [text; video] sequence, H heads, D head dim, P ranks. A head is `headBytes`
// bytes (D elements of any type): the exchange moves values and computes none, so every result is bit for bit the
// slice of the whole tensor.
import { ClusterError } from "@cogfleet/core";
import type { AttentionCell } from "./arrangement.js";
import { type Block, copyBlocks, unwritten } from "./block.js";
import type { Group } from "./group.js";
import { dealt, overlap, type Share } from "./shares.js";
import { together } from "./together.js";

/** What all ranks of an exchange agree on. */
export interface ExchangeShape {
  /** B: the branches of guidance when one rank computes both, else 1. */
  readonly batch: number;
  /** H. */
  readonly heads: number;
  /** D times the size of an element. */
  readonly headBytes: number;
  /** The rows that each rank holds between attentions, by rank. */
  readonly rows: readonly Share[];
  /** What each rank computes of the attention, by rank. */
  readonly cells: readonly AttentionCell[];
}

/** The operands of one attention. Each buffer stands alone (offset 0), so it can be transferred to another thread. */
export interface AttentionOperands {
  readonly query: Uint8Array;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Trades own rows of all heads for all rows of own heads.
 *
 *   in   query, key, value [B, own S, H, D]   lent until the promise settles
 *   out  query [B, Q, h, D]: the cell's rows and heads;  key, value [B, S, h, D]: all rows, the cell's heads
 */
export async function rowsToHeads(
  group: Group,
  input: AttentionOperands,
  shape: ExchangeShape,
  tag: string,
  signal: AbortSignal,
): Promise<AttentionOperands> {
  const { batch, heads, headBytes, rows, cells } = shape;
  const ownRows = shareOf(rows, group.rank, "rows");
  const cell = shareOf(cells, group.rank, "cells");
  const everyHead = { start: 0, count: heads };
  const everyRow = { start: 0, count: dealt(rows) };
  const rowBytes = heads * headBytes;
  for (const name of ["query", "key", "value"] as const) {
    checkLength(input[name], batch * ownRows.count * rowBytes, name, group.rank);
  }
  const cellRowBytes = cell.heads.count * headBytes;
  const output = {
    query: unwritten(batch * cell.queries.count * cellRowBytes),
    key: unwritten(batch * everyRow.count * cellRowBytes),
    value: unwritten(batch * everyRow.count * cellRowBytes),
  };
  // What `from` has of what the cell of `to` needs: the query's rows are the cell's only.
  const outgoing = (to: AttentionCell): Block[] => {
    const held = { rows: ownRows, heads: everyHead, batch, headBytes };
    return [
      ...cut(input.query, held, { rows: overlap(ownRows, to.queries), heads: to.heads }),
      ...cut(input.key, held, { rows: ownRows, heads: to.heads }),
      ...cut(input.value, held, { rows: ownRows, heads: to.heads }),
    ];
  };
  const incoming = (from: Share): Block[] => {
    const all = { rows: everyRow, heads: cell.heads, batch, headBytes };
    return [
      ...cut(
        output.query,
        { ...all, rows: cell.queries },
        { rows: overlap(from, cell.queries), heads: cell.heads },
      ),
      ...cut(output.key, all, { rows: from, heads: cell.heads }),
      ...cut(output.value, all, { rows: from, heads: cell.heads }),
    ];
  };
  await trade(
    group,
    (peer) => outgoing(shareOf(cells, peer, "cells")),
    (peer) => incoming(shareOf(rows, peer, "rows")),
    tag,
    signal,
  );
  return output;
}

/**
 * The way back: trades the cell of an attention's result for own rows of all heads.
 *
 *   in   [B, Q, h, D]        the cell's rows and heads; lent until the promise settles
 *   out  [B, own S, H, D]
 */
export async function headsToRows(
  group: Group,
  input: Uint8Array,
  shape: ExchangeShape,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { batch, heads, headBytes, rows } = shape;
  const output = unwritten(batch * shareOf(rows, group.rank, "rows").count * heads * headBytes);
  await headsIntoRows(group, input, output, shape, tag, signal);
  return output;
}

/**
 * As `headsToRows`, into rows that the caller holds: when the heads come in several runs (`splitHeads`), every run
 * fills its own columns of `output` [B, own S, H, D].
 */
export async function headsIntoRows(
  group: Group,
  input: Uint8Array,
  output: Uint8Array,
  shape: ExchangeShape,
  tag: string,
  signal: AbortSignal,
): Promise<void> {
  const { batch, heads, headBytes, rows, cells } = shape;
  const ownRows = shareOf(rows, group.rank, "rows");
  const cell = shareOf(cells, group.rank, "cells");
  checkLength(input, batch * cell.queries.count * cell.heads.count * headBytes, "result", group.rank);
  checkLength(output, batch * ownRows.count * heads * headBytes, "output", group.rank);
  const outgoing = (to: Share): Block[] =>
    cut(
      input,
      { rows: cell.queries, heads: cell.heads, batch, headBytes },
      { rows: overlap(cell.queries, to), heads: cell.heads },
    );
  const incoming = (from: AttentionCell): Block[] =>
    cut(
      output,
      { rows: ownRows, heads: { start: 0, count: heads }, batch, headBytes },
      { rows: overlap(from.queries, ownRows), heads: from.heads },
    );
  await trade(
    group,
    (peer) => outgoing(shareOf(rows, peer, "rows")),
    (peer) => incoming(shareOf(cells, peer, "cells")),
    tag,
    signal,
  );
}

/** Every rank to every rank; the own block is copied once, from input to output. Empty blocks are not sent. */
async function trade(
  group: Group,
  outgoing: (peer: number) => Block[],
  incoming: (peer: number) => Block[],
  tag: string,
  signal: AbortSignal,
): Promise<void> {
  const { rank, size } = group;
  // Each rank begins with another peer, so that not all of them pull from the same one at once.
  const peers = Array.from({ length: size - 1 }, (_, hop) => (rank + hop + 1) % size);
  const parts = peers.flatMap((peer) => {
    const out = outgoing(peer);
    const into = incoming(peer);
    return [
      ...(out.length > 0 ? [(part: AbortSignal) => group.send(peer, tag, out, part)] : []),
      ...(into.length > 0 ? [(part: AbortSignal) => group.recv(peer, tag, into, part)] : []),
    ];
  });
  const moved = together(parts, signal);
  if (!signal.aborted) copyBlocks(outgoing(rank), incoming(rank)); // while the transfers run
  await moved;
}

/** The blocks of rows x heads within a tensor that holds other rows x heads; one block a batch entry, none if empty. */
function cut(
  data: Uint8Array,
  held: { readonly rows: Share; readonly heads: Share; readonly batch: number; readonly headBytes: number },
  wanted: { readonly rows: Share; readonly heads: Share },
): Block[] {
  const { rows, heads } = wanted;
  if (rows.count === 0 || heads.count === 0) return [];
  const strideBytes = held.heads.count * held.headBytes;
  const first =
    (rows.start - held.rows.start) * strideBytes + (heads.start - held.heads.start) * held.headBytes;
  return Array.from({ length: held.batch }, (_, b) => ({
    data,
    start: b * held.rows.count * strideBytes + first,
    runs: rows.count,
    runBytes: heads.count * held.headBytes,
    strideBytes,
  }));
}

function shareOf<T>(shares: readonly T[], rank: number, what: string): T {
  const share = shares[rank];
  if (share === undefined)
    throw new ClusterError("internal", `no ${what} for rank ${rank} of ${shares.length}`);
  return share;
}

function checkLength(data: Uint8Array, expected: number, name: string, rank: number): void {
  if (data.length !== expected) {
    throw new ClusterError(
      "tensor_mismatch",
      `${name} of rank ${rank} has ${data.length} bytes, expected ${expected}`,
    );
  }
}
