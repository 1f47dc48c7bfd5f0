import { ClusterError } from "@cogfleet/core";
import type { Area } from "@cogfleet/model";
import type { VaePlan } from "./plan.js";
import type { Share } from "./shares.js";
import { dealChunks } from "./vae-shares.js";

/** A rank's part of an area. */
export interface AreaOwner {
  readonly rank: number;
  /** The run of chunks that it computes, at least one. */
  readonly chunks: Share;
}

/** An area of a volume, the whole or a tile, and who computes it: the owners' chunks follow one another. */
export interface AreaDeal {
  readonly area: Area;
  readonly owners: readonly AreaOwner[];
}

/**
 * What a plan says of these areas (raster order) and chunks (`work` of each), for `ranks` ranks. `internal` for a plan
 * that is not for them: chunks or tiles left out or dealt twice, or another number of ranks.
 */
export function dealAreas(
  plan: VaePlan,
  areas: readonly Area[],
  work: readonly number[],
  ranks: number,
): AreaDeal[] {
  switch (plan.kind) {
    case "serial":
      return areas.map((area) => ({ area, owners: [{ rank: 0, chunks: { start: 0, count: work.length } }] }));
    case "temporal": {
      const owners = ownersOf(plan.chunks.map((chunks, rank) => ({ rank, chunks })));
      requireRanks(plan.chunks.length, ranks);
      requireRuns(owners, work.length);
      return areas.map((area) => ({ area, owners }));
    }
    case "tiles": {
      requireRanks(plan.tiles.length, ranks);
      requireTiles(plan.tiles, areas.length);
      return areas.map((area, tile) => {
        const sharers = plan.tiles.flatMap((list, rank) => (list.includes(tile) ? [rank] : []));
        const runs = dealChunks(
          work,
          sharers.map(() => 1),
        );
        return {
          area,
          owners: ownersOf(sharers.map((rank, i) => ({ rank, chunks: runs[i] as Share }))),
        };
      });
    }
  }
}

function ownersOf(parts: readonly AreaOwner[]): AreaOwner[] {
  return parts.filter(({ chunks }) => chunks.count > 0);
}

function requireRanks(planned: number, ranks: number): void {
  if (planned !== ranks)
    throw new ClusterError("internal", `a VAE plan for ${planned} ranks came to a group of ${ranks}`);
}

function requireRuns(owners: readonly AreaOwner[], chunks: number): void {
  let next = 0;
  const follow = owners.every(({ chunks: { start, count } }) => {
    const isNext = start === next;
    next = start + count;
    return isNext;
  });
  if (follow && next === chunks) return;
  const shown = owners.map(({ rank, chunks: { start, count } }) => `${rank}: ${start}+${count}`).join(", ");
  throw new ClusterError("internal", `runs of chunks (${shown}) must follow one another from 0 to ${chunks}`);
}

function requireTiles(lists: readonly (readonly number[])[], tiles: number): void {
  const dealt = new Set(lists.flat());
  const wrong = [...dealt].filter((tile) => !Number.isInteger(tile) || tile < 0 || tile >= tiles);
  if (wrong.length > 0 || dealt.size !== tiles)
    throw new ClusterError(
      "internal",
      `a VAE plan deals tiles [${[...dealt].join(", ")}], and the video has ${tiles}`,
    );
}
