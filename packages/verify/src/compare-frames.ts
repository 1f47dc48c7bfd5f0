import type { StoredTensor } from "@cogfleet/model";
import type { Check } from "./case-result.js";
import { compareTensor, type Numbers } from "./compare.js";

/**
 * Compares 8-bit frames. A value may be one level off, but only where the float it was rounded from (`floats`, what
 * diffusers computed, in [0, 1]) lies within `atol` of the boundary between the two levels.
 */
export function compareFrames(
  name: string,
  actual: { readonly dims: readonly number[]; readonly data: Uint8Array },
  expected: StoredTensor,
  floats: Numbers,
  atol: number,
): Check {
  const check = compareTensor(name, actual, expected, { atol: 1 });
  if (!check.ok) return check;
  for (let i = 0; i < actual.data.length; i++) {
    const level = actual.data[i] as number;
    const wanted = Number(expected.data[i]);
    if (level === wanted) continue;
    const boundary = (level + wanted) / 2 / 255;
    if (!(Math.abs((floats[i] as number) - boundary) <= atol))
      return {
        ...check,
        ok: false,
        problem: `value ${i} is ${level}, expected ${wanted}: not a matter of rounding`,
      };
  }
  return check;
}
