import type { Plan, VaePlan } from "@cogfleet/parallel";
import type { Plan as WirePlan } from "@cogfleet/proto/gen/cogfleet/v1/Plan";
import type { RankPart as WireRankPart } from "@cogfleet/proto/gen/cogfleet/v1/RankPart";
import type { VaePlan as WireVaePlan } from "@cogfleet/proto/gen/cogfleet/v1/VaePlan";
import type { RankPart } from "../job.js";

export function planToWire({ rates, vae, ...degrees }: Plan): WirePlan {
  return { ...degrees, rates: [...rates], vae: vaeToWire(vae) };
}

function vaeToWire(vae: VaePlan): WireVaePlan {
  switch (vae.kind) {
    case "serial":
      return { serial: {} };
    case "temporal":
      return { temporal: { chunks: [...vae.chunks] } };
    case "tiles":
      return { tiles: { tiles: vae.tiles.map((tiles) => ({ tiles: [...tiles] })) } };
  }
}

/** The parts of an attempt, by rank. */
export function partsToWire(parts: readonly RankPart[]): WireRankPart[] {
  return parts.map(({ workerId, half, halves, rows, chunks, tiles }, rank) => ({
    ...{ rank, workerId, half, halves },
    rows: rows ?? null,
    chunks: chunks ?? null,
    tiles: [...(tiles ?? [])],
  }));
}
