// Classifier-free guidance, plain and dynamic (pipelines/cogvideo/pipeline_cogvideox.py).
import { ClusterError } from "@cogfleet/core";
import { fifthPower } from "./double-double.js";

/** Whether diffusers computes the unconditional branch: from `guidance_scale` 1 down there is nothing to guide. */
export function isGuided(guidanceScale: number): boolean {
  return guidanceScale > 1;
}

/**
 * The guidance scale of one step. With dynamic guidance 1 + g (1 - cos(pi ((N - t) / N)^5)) / 2, where t is the TRAIN
 * timestep (999 ... 0) and N the number of steps: it swings rather than grows, in diffusers and in CogVideo's own code.
 */
export function guidanceAt(step: {
  readonly guidanceScale: number;
  readonly useDynamicCfg: boolean;
  readonly numInferenceSteps: number;
  readonly timestep: number;
}): number {
  const { guidanceScale, useDynamicCfg, numInferenceSteps: n, timestep: t } = step;
  if (!useDynamicCfg) return guidanceScale;
  return 1 + guidanceScale * ((1 - Math.cos(Math.PI * fifthPower((n - t) / n))) / 2);
}

/** u + g (c - u), element-wise in float32, in a new array. `tensor_mismatch` if the lengths differ. */
export function guide(
  unconditional: Float32Array,
  conditional: Float32Array,
  guidanceScale: number,
): Float32Array<ArrayBuffer> {
  if (unconditional.length !== conditional.length)
    throw new ClusterError("tensor_mismatch", `guidance: ${unconditional.length} != ${conditional.length}`);
  const f = Math.fround;
  const g = f(guidanceScale);
  const guided = new Float32Array(unconditional.length);
  for (let i = 0; i < guided.length; i++) {
    const u = unconditional[i] as number;
    guided[i] = u + f(g * f((conditional[i] as number) - u));
  }
  return guided;
}
