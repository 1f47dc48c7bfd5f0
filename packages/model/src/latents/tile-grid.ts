// The tiles of one size, in raster order, and how what was computed of them becomes one volume again.
import { blendTile, type TilePlan, tilesAlong } from "./tiles.js";
import { type Area, cutBox, pasteBox, type Volume } from "./volume.js";

/** The areas that a volume is computed in: its tiles in raster order, or all of it. */
export interface TileGrid {
  readonly areas: readonly Area[];
  /** Tiles in a row. */
  readonly columns: number;
  /** Undefined when there is one area, the whole. */
  readonly plan: TilePlan | undefined;
}

export function tileGrid(
  plan: TilePlan | undefined,
  { height, width }: Pick<Volume, "height" | "width">,
): TileGrid {
  if (plan === undefined) return { areas: [{ top: 0, height, left: 0, width }], columns: 1, plan };
  const rows = tilesAlong(plan.rows, height);
  const columns = tilesAlong(plan.columns, width);
  const areas = rows.flatMap((row) =>
    columns.map((column) => ({
      top: row.start,
      height: row.length,
      left: column.start,
      width: column.length,
    })),
  );
  return { areas, columns: columns.length, plan };
}

/** Puts computed tiles together. Holds a row of tiles and one more. */
export class TileBlender {
  readonly #out: Volume;
  readonly #columns: number;
  readonly #plan: TilePlan;
  readonly #last: Volume[] = []; // of the latest tiles, a row's worth
  #count = 0;

  /** Writes to `out`, which it shares with the caller. */
  constructor(out: Volume, plan: TilePlan, columns: number) {
    this.#out = out;
    this.#plan = plan;
    this.#columns = columns;
  }

  /** Blends the next tile in raster order with its neighbours, and keeps its part. It changes `tile`, and keeps it. */
  add(tile: Volume): void {
    const column = this.#count % this.#columns;
    const row = (this.#count - column) / this.#columns;
    const above = row === 0 ? undefined : this.#last[0];
    const left = column === 0 ? undefined : this.#last.at(-1);
    blendTile(tile, { above, left }, this.#plan);
    this.#keep(tile, row, column);
    this.#last.push(tile);
    if (this.#last.length > this.#columns) this.#last.shift();
    this.#count++;
  }

  /** Copies what is kept of a tile to its place. */
  #keep(tile: Volume, row: number, column: number): void {
    const { rows, columns } = this.#plan;
    const height = Math.min(rows.keep, tile.height);
    const width = Math.min(columns.keep, tile.width);
    const kept = cutBox(tile, { top: 0, height, left: 0, width, frame: 0, frames: tile.frames });
    const place = { top: row * rows.keep, height, left: column * columns.keep, width };
    pasteBox(this.#out, { ...place, frame: 0, frames: tile.frames }, kept);
  }
}
