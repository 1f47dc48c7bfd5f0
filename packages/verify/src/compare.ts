import { floatsOf, type StoredTensor } from "@cogfleet/model";
import type { Check } from "./case-result.js";

/** |actual - expected| <= atol + rtol |expected| for every value; with `relL2` a tensor passes by its norm instead. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol?: number;
  /** |actual - expected| <= relL2 |expected|, both as L2 norms of the whole tensor. */
  readonly relL2?: number;
}

export type Numbers = ArrayLike<number>;

/** No difference at all. */
export const EXACT: Tolerance = { atol: 0 };

/** Compares values one by one. A value that is not finite, on either side, fails. */
export function compareValues(
  name: string,
  actual: Numbers,
  expected: Numbers,
  { atol, rtol = 0, relL2 }: Tolerance,
): Check {
  if (actual.length !== expected.length)
    return broken(name, atol, `has ${actual.length} values, expected ${expected.length}`);
  let worst = 0;
  let difference = 0;
  let norm = 0;
  let isWithin = true;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i] as number;
    const b = expected[i] as number;
    if (!Number.isFinite(a)) return broken(name, atol, `value ${i} is ${a}`);
    if (!Number.isFinite(b)) return broken(name, atol, `the expected value ${i} is ${b}`);
    const d = Math.abs(a - b);
    worst = Math.max(worst, d);
    difference += d * d;
    norm += b * b;
    isWithin &&= d <= atol + rtol * Math.abs(b);
  }
  const relative = difference === 0 ? 0 : Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
  if (relL2 === undefined) return { name, rel_l2: relative, max_abs: worst, atol, ok: isWithin };
  return { name, rel_l2: relative, max_abs: worst, atol, rel_l2_allowed: relL2, ok: relative <= relL2 };
}

/** Compares a tensor with a stored one, shapes first. */
export function compareTensor(
  name: string,
  actual: { readonly dims: readonly number[]; readonly data: Numbers },
  expected: StoredTensor,
  tolerance: Tolerance,
): Check {
  if (actual.dims.join() !== expected.shape.join())
    return broken(
      name,
      tolerance.atol,
      `has the shape [${actual.dims.join(", ")}], expected [${expected.shape.join(", ")}]`,
    );
  return compareValues(name, actual.data, numbersOf(expected), tolerance);
}

/** A check that is about something else than numbers: it holds or it does not. */
export function claim(name: string, holds: boolean, problem: string): Check {
  return holds ? { name, rel_l2: 0, max_abs: 0, atol: 0, ok: true } : broken(name, 0, problem);
}

/** The values of a stored tensor of any type that has numbers. */
export function numbersOf(tensor: StoredTensor): Numbers {
  const { data } = tensor;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, Number);
  if (tensor.dtype === "F16" || tensor.dtype === "BF16") return floatsOf(tensor);
  return data;
}

function broken(name: string, atol: number, problem: string): Check {
  return { name, rel_l2: Number.NaN, max_abs: Number.NaN, atol, ok: false, problem };
}
