import { ClusterError } from "@cogfleet/core";
import type { ModelConfigs, Precision, ResolvedArguments, Stage } from "@cogfleet/model";
import { jobShape, type Plan, rankNeeds } from "@cogfleet/parallel";

/**
 * Refuses, before anything is computed, a video that cannot fit: this rank's part of the plan, as the planner estimates
 * it, takes more than all the memory there is. `out_of_memory` names the stage and both figures.
 */
export function requireMemory(
  configs: ModelConfigs,
  args: ResolvedArguments,
  { precision, plan, rank }: { readonly precision: Precision; readonly plan: Plan; readonly rank: number },
  totalBytes: number,
): void {
  const needs = rankNeeds(jobShape(configs, args, precision), plan);
  for (const stage of Object.keys(needs) as Stage[]) {
    const needed = needs[stage][rank] ?? 0;
    if (needed <= totalBytes) continue;
    const { numFrames, width, height } = args;
    throw new ClusterError(
      "out_of_memory",
      `${stage} of ${numFrames} frames at ${width}x${height} takes about ${gigabytes(needed)}, and this worker has ` +
        `${gigabytes(totalBytes)}: ask for fewer frames or a smaller size`,
    );
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
