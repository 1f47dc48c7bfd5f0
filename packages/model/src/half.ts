// The 16-bit floats as raw bits, rounded half to even like torch and IEEE 754.
import { roundHalfEven } from "./half-even.js";

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the float16 nearest to a float32. */
export function toFloat16(value: number): number {
  float[0] = value;
  const word = bits[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more round to infinity
  if (magnitude < 0x38800000) {
    // Below 2^-14 a float16 counts in steps of 2^-24: this product is exact, and so is what is rounded.
    return sign | roundHalfEven(Math.abs(float[0]) * 2 ** 24);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** The float32 that a float16's bits stand for. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the bfloat16 nearest to a float32. */
export function toBfloat16(value: number): number {
  float[0] = value;
  const word = bits[0] as number;
  if ((word & 0x7fffffff) > 0x7f800000) return 0x7fc0; // NaN
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The float32 that a bfloat16's bits stand for. */
export function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return float[0] as number;
}
