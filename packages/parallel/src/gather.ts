// Shapes: B batch, S rows. A row is `rowBytes` bytes of any type.
import { ClusterError } from "@cogfleet/core";
import { type Block, copyBlocks, whole } from "./block.js";
import type { Group } from "./group.js";
import { dealt, type Share } from "./shares.js";
import { together } from "./together.js";

/** What all ranks of a gather agree on. */
export interface GatherShape {
  /** B: each entry's rows are dealt the same way. */
  readonly batch: number;
  readonly rowBytes: number;
  /** The rows that each rank holds, by rank, following one another from 0 on. */
  readonly rows: readonly Share[];
}

/**
 * Collects the rows of all ranks at `root`.
 *
 *   in   [B, own S, row]   lent until the promise settles
 *   out  [B, S, row] at the root, undefined elsewhere
 */
export async function gatherRows(
  group: Group,
  input: Uint8Array,
  shape: GatherShape,
  root: number,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  checkInput(group, input, shape);
  if (group.rank !== root) {
    const own = [whole(input)];
    if (input.length > 0) await group.send(root, tag, own, signal);
    return undefined;
  }
  return collect(group, input, shape, [], tag, signal);
}

/** Collects the rows of all ranks at every rank: out [B, S, row]. */
export async function allGatherRows(
  group: Group,
  input: Uint8Array,
  shape: GatherShape,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  checkInput(group, input, shape);
  const own = [whole(input)];
  const sends =
    input.length === 0
      ? []
      : othersOf(group).map((peer) => (part: AbortSignal) => group.send(peer, tag, own, part));
  return collect(group, input, shape, sends, tag, signal);
}

async function collect(
  group: Group,
  input: Uint8Array,
  shape: GatherShape,
  sends: readonly ((signal: AbortSignal) => Promise<void>)[],
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const output = new Uint8Array(shape.batch * dealt(shape.rows) * shape.rowBytes);
  const receives = othersOf(group)
    .filter((peer) => (shape.rows[peer]?.count ?? 0) > 0)
    .map((peer) => (part: AbortSignal) => group.recv(peer, tag, blocksOf(output, shape, peer), part));
  const moved = together([...sends, ...receives], signal);
  if (!signal.aborted) copyBlocks([whole(input)], blocksOf(output, shape, group.rank));
  await moved;
  return output;
}

/** Where a rank's rows lie in [B, S, row]. */
function blocksOf(output: Uint8Array, { batch, rowBytes, rows }: GatherShape, rank: number): Block[] {
  const { start, count } = rows[rank] ?? { start: 0, count: 0 };
  return [
    {
      data: output,
      start: start * rowBytes,
      runs: batch,
      runBytes: count * rowBytes,
      strideBytes: dealt(rows) * rowBytes,
    },
  ];
}

function othersOf({ rank, size }: Group): number[] {
  return Array.from({ length: size - 1 }, (_, hop) => (rank + hop + 1) % size);
}

function checkInput(group: Group, input: Uint8Array, { batch, rowBytes, rows }: GatherShape): void {
  const expected = batch * (rows[group.rank]?.count ?? 0) * rowBytes;
  if (rows.length !== group.size || input.length !== expected) {
    throw new ClusterError(
      "tensor_mismatch",
      `rank ${group.rank} of ${group.size} gathers ${input.length} bytes with ${rows.length} shares, expected ${expected} bytes and ${group.size}`,
    );
  }
}
