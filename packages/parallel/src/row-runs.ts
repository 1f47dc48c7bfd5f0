// Own rows cut into the runs of a layout, and put together again. B batch, S a rank's own rows, X numbers of a row.
import { type Block, bytesOf, copyBlocks, floatsIn, unwritten, whole } from "./block.js";
import type { Share } from "./shares.js";

/** The run `rows` of own rows `held`: [B, held S, X] to [B, run S, X], a copy unless it is all of them. */
export function cutRun<F extends Float32Array>(
  values: F,
  batch: number,
  held: Share,
  rows: Share,
): F | Float32Array<ArrayBuffer> {
  if (rows.count === held.count) return values;
  const rowBytes = held.count === 0 ? 0 : values.byteLength / batch / held.count;
  const run = unwritten(batch * rows.count * rowBytes);
  copyBlocks(runBlocks(bytesOf(values), batch, rowBytes, held, rows), [whole(run)]);
  return floatsIn(run);
}

/** The other way: runs [B, run S, X] to own rows [B, held S, X]; the run itself when there is one. */
export function joinRuns(
  runs: readonly Float32Array[],
  batch: number,
  held: Share,
  rows: readonly Share[],
): Float32Array {
  if (runs.length === 1) return runs[0] as Float32Array;
  const all = unwritten(runs.reduce((sum, { byteLength }) => sum + byteLength, 0));
  const rowBytes = held.count === 0 ? 0 : all.length / batch / held.count;
  for (const [i, run] of runs.entries())
    copyBlocks([whole(bytesOf(run))], runBlocks(all, batch, rowBytes, held, rows[i] as Share));
  return floatsIn(all);
}

function runBlocks(data: Uint8Array, batch: number, rowBytes: number, held: Share, rows: Share): Block[] {
  if (rows.count === 0) return [];
  const start = (rows.start - held.start) * rowBytes;
  return [{ data, start, runs: batch, runBytes: rows.count * rowBytes, strideBytes: held.count * rowBytes }];
}
