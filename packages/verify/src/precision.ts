import type { Precision } from "@cogfleet/model";
import type { Tolerance } from "./compare.js";

/**
 * How far a tensor may be from diffusers' float32, |actual - expected| / |expected| as L2 norms, when the transformer
 * or the VAE computes in 16 bits. float16 rounds by 5e-4 and bfloat16 by 4e-3 of a value; layers and steps add up
 * (measured: docs/log.md, "On a GPU").
 */
export const HALF_PRECISION_REL_L2 = { fp16: 1e-2, bf16: 5e-2 } as const;

/** What a case allows in float32, as it holds in `precision`. */
export function toleranceIn(precision: Precision, tolerance: Tolerance): Tolerance {
  return precision === "fp32" ? tolerance : { ...tolerance, relL2: HALF_PRECISION_REL_L2[precision] };
}
