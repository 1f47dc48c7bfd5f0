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
  /** The rows of each rank that are exchanged, by rank: all that it holds between attentions, or a run of them. */
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

/** What of the operands of own rows the cell of rank `to` needs: of the query the cell's rows only. */
export function operandsFor(
  to: number,
  { query, key, value }: AttentionOperands,
  { batch, heads, headBytes, rows, cells }: ExchangeShape,
  rank: number,
): Block[] {
  const own = shareOf(rows, rank, "rows");
  const cell = shareOf(cells, to, "cells");
  const held = { rows: own, heads: { start: 0, count: heads }, batch, headBytes };
  return [
    ...cut(query, held, { rows: overlap(own, cell.queries), heads: cell.heads }),
    ...cut(key, held, { rows: own, heads: cell.heads }),
    ...cut(value, held, { rows: own, heads: cell.heads }),
  ];
}

/** Where in the operands of the own cell (`cellOperands`) the rows of rank `from` belong. */
export function operandsOf(
  from: number,
  { query, key, value }: AttentionOperands,
  { batch, headBytes, rows, cells }: ExchangeShape,
  rank: number,
): Block[] {
  const theirs = shareOf(rows, from, "rows");
  const { heads, queries } = shareOf(cells, rank, "cells");
  const cellRowBytes = batch * heads.count * headBytes;
  if (cellRowBytes === 0) return [];
  const every = { rows: { start: 0, count: key.length / cellRowBytes }, heads, batch, headBytes };
  return [
    ...cut(query, { ...every, rows: queries }, { rows: overlap(theirs, queries), heads }),
    ...cut(key, every, { rows: theirs, heads }),
    ...cut(value, every, { rows: theirs, heads }),
  ];
}

/** Room for the operands of a rank's cell: query [B, Q, h, D], key and value [B, S, h, D]. */
export function cellOperands(
  { batch, headBytes }: Pick<ExchangeShape, "batch" | "headBytes">,
  cell: AttentionCell,
  allRows: number,
): AttentionOperands {
  const rowBytes = batch * cell.heads.count * headBytes;
  return {
    query: unwritten(rowBytes * cell.queries.count),
    key: unwritten(rowBytes * allRows),
    value: unwritten(rowBytes * allRows),
  };
}

/** What of the result [B, Q, h, D] of the own cell belongs to the rows of rank `to`. */
export function resultFor(
  to: number,
  result: Uint8Array,
  { batch, headBytes, rows, cells }: ExchangeShape,
  rank: number,
): Block[] {
  const { heads, queries } = shareOf(cells, rank, "cells");
  const theirs = overlap(queries, shareOf(rows, to, "rows"));
  return cut(result, { rows: queries, heads, batch, headBytes }, { rows: theirs, heads });
}

/** Where in own rows [B, own S, H, D] the result of the cell of rank `from` belongs. */
export function resultOf(
  from: number,
  output: Uint8Array,
  { batch, heads, headBytes, rows, cells }: ExchangeShape,
  rank: number,
): Block[] {
  const own = shareOf(rows, rank, "rows");
  const cell = shareOf(cells, from, "cells");
  return cut(
    output,
    { rows: own, heads: { start: 0, count: heads }, batch, headBytes },
    { rows: overlap(cell.queries, own), heads: cell.heads },
  );
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
  const { rank } = group;
  requireOperands(input, shape, rank);
  const output = cellOperands(shape, shareOf(shape.cells, rank, "cells"), dealt(shape.rows));
  await trade(
    group,
    (peer) => operandsFor(peer, input, shape, rank),
    (peer) => operandsOf(peer, output, shape, rank),
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
  const { rank } = group;
  requireResult(input, shape, rank);
  const { count } = shareOf(shape.rows, rank, "rows");
  const output = unwritten(shape.batch * count * shape.heads * shape.headBytes);
  await trade(
    group,
    (peer) => resultFor(peer, input, shape, rank),
    (peer) => resultOf(peer, output, shape, rank),
    tag,
    signal,
  );
  return output;
}

/** `tensor_mismatch` when they are not query, key and value [B, own S, H, D]. */
export function requireOperands(operands: AttentionOperands, shape: ExchangeShape, rank: number): void {
  const { batch, heads, headBytes, rows } = shape;
  const bytes = batch * shareOf(rows, rank, "rows").count * heads * headBytes;
  for (const name of ["query", "key", "value"] as const) checkLength(operands[name], bytes, name, rank);
}

/** `tensor_mismatch` when it is not [B, Q, h, D] of the rank's cell. */
export function requireResult(result: Uint8Array, shape: ExchangeShape, rank: number): void {
  const { heads, queries } = shareOf(shape.cells, rank, "cells");
  checkLength(result, shape.batch * queries.count * heads.count * shape.headBytes, "result", rank);
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
