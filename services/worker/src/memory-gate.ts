import { ClusterError } from "@cogfleet/core";
import { type Precision, type ResolvedArguments, stageMemory } from "@cogfleet/model";
import type { Plan } from "@cogfleet/parallel";

/**
 * Refuses, before anything is computed, a video that cannot fit: its part on one rank of the plan, as estimated, takes
 * more than all the memory there is. `out_of_memory` names the stage and both figures.
 */
export function requireMemory(
  configs: Parameters<typeof stageMemory>[0],
  args: ResolvedArguments,
  { precision, plan }: { readonly precision: Precision; readonly plan: Plan },
  totalBytes: number,
): void {
  const { numFrames, height, width, maxSequenceLength: textTokens, vaeTiling } = args;
  const shape = { numFrames, height, width, textTokens };
  const ranks = { encode: 1, denoise: plan.context * plan.cfg, decode: 1 } as const;
  for (const { stage, weightBytes, activationBytes } of stageMemory(configs, shape, precision, vaeTiling)) {
    const needed = weightBytes + activationBytes / ranks[stage];
    if (needed <= totalBytes) continue;
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
