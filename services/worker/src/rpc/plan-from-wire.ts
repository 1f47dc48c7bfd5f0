import { ClusterError } from "@cogfleet/core";
import { COMPRESSIONS, type Plan, planSize, type VaePlan } from "@cogfleet/parallel";
import type { Plan__Output } from "@cogfleet/proto/gen/cogfleet/v1/Plan";
import type { VaePlan__Output } from "@cogfleet/proto/gen/cogfleet/v1/VaePlan";

const MOST_RANKS = 4096;

/** Throws `invalid_request` that names every field that is wrong. */
export function planFromWire(wire: Plan__Output): Plan {
  const { cfg, context, rates, columns, parts, runs } = wire;
  const problems: string[] = [];
  const degrees = { cfg: cfg === 2 ? 2 : 1, context } as const;
  if (cfg !== degrees.cfg) problems.push(`plan.cfg ${cfg} must be 1 or 2`);
  if (context < 1 || planSize(degrees) > MOST_RANKS)
    problems.push(`plan.context ${context} must be from 1 to ${MOST_RANKS / degrees.cfg}`);
  else if (rates.length !== planSize(degrees))
    problems.push(`plan.rates has ${rates.length} values for ${planSize(degrees)} ranks`);
  if (rates.some((rate) => !(rate >= 0 && Number.isFinite(rate))))
    problems.push(`plan.rates [${rates.join(", ")}] must be finite and at least 0`);
  const activations = COMPRESSIONS.find((one) => one === wire.activations);
  if (wire.activations !== activations)
    problems.push(`plan.activations "${wire.activations}" must be ${COMPRESSIONS.join(" or ")}, or left out`);
  const vae = vaeFromWire(wire.vae);
  if (vae === undefined) problems.push("plan.vae must be serial, temporal or tiles");
  if (problems.length > 0 || vae === undefined)
    throw new ClusterError("invalid_request", problems.join("; "));
  return {
    ...degrees,
    rates,
    vae,
    ...(columns === undefined ? {} : { columns }),
    ...(parts === undefined ? {} : { parts }),
    ...(runs === undefined ? {} : { runs }),
    ...(activations === undefined ? {} : { activations }),
  };
}

function vaeFromWire(wire: VaePlan__Output | null): VaePlan | undefined {
  if (wire?.serial) return { kind: "serial" };
  if (wire?.temporal) return { kind: "temporal", chunks: wire.temporal.chunks };
  if (wire?.tiles) return { kind: "tiles", tiles: wire.tiles.tiles.map(({ tiles }) => tiles) };
  return undefined;
}
