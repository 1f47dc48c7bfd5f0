// Noise as torch.randn and diffusers' randn_tensor (utils/torch_utils.py) draw it on a CPU.
import { ClusterError } from "@cogfleet/core";
import { toBfloat16, toFloat16 } from "../half.js";
import { elements } from "../session.js";
import { cosSin, log } from "./double-double.js";
import type { TorchGenerator } from "./torch-generator.js";

const f = Math.fround;
const BLOCK = 16;
const TWO_PI = f(2 * Math.PI);

/**
 * `torch.randn(count)`, float32. Bit for bit below 16; from 16 on within 3 units in the last place, since torch takes
 * logarithm, sine and cosine from vector code (docs/log.md).
 */
export function randn(generator: TorchGenerator, count: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  if (count < BLOCK) return out.map(() => generator.normal64());
  for (let i = 0; i < count; i++) out[i] = generator.uniform32();
  blocks32(out, count);
  if (count % BLOCK !== 0) redrawTail(out, () => generator.uniform32(), block32);
  return out;
}

/** `torch.randn(count, dtype=float64)`, bit for bit. */
export function randn64(generator: TorchGenerator, count: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(count);
  if (count < BLOCK) return out.map(() => generator.normal64());
  for (let i = 0; i < count; i++) out[i] = generator.uniform64();
  for (let at = 0; at + BLOCK <= count; at += BLOCK) block64(out, at);
  if (count % BLOCK !== 0) redrawTail(out, () => generator.uniform64(), block64);
  return out;
}

/**
 * `torch.randn(count, dtype=float16 or bfloat16)` as raw bits, to one unit in the last place. Not the float32 draw
 * rounded: when `count` does not divide by 16, fewer uniforms are drawn, and what is drawn later differs too.
 */
export function randnHalf(
  generator: TorchGenerator,
  count: number,
  type: "float16" | "bfloat16",
): Uint16Array<ArrayBuffer> {
  const values = new Float32Array(count);
  if (count < BLOCK) for (let i = 0; i < count; i++) values[i] = generator.normal64();
  else {
    const whole = count - (count % BLOCK);
    for (let i = 0; i < whole; i++) values[i] = generator.uniform32();
    blocks32(values, whole);
    if (whole !== count) redrawTail(values, () => generator.uniform32(), block32);
  }
  return Uint16Array.from(values, type === "float16" ? toFloat16 : toBfloat16);
}

/**
 * diffusers' `randn_tensor`: with one generator the whole tensor is one draw, with a list each row of the batch
 * (dims[0]) is a draw of its own generator.
 */
export function randnTensor(
  generators: readonly TorchGenerator[],
  dims: readonly number[],
): Float32Array<ArrayBuffer> {
  const [only] = generators;
  if (only !== undefined && generators.length === 1) return randn(only, elements(dims));
  const [batch = 0, ...row] = dims;
  if (generators.length !== batch)
    throw new ClusterError("invalid_request", `${generators.length} generators for a batch of ${batch}`);
  const width = elements(row);
  const out = new Float32Array(batch * width);
  for (const [i, generator] of generators.entries()) out.set(randn(generator, width), i * width);
  return out;
}

/** Draws 16 uniforms more and makes the last 16 values of them, over the end of the last full block. */
function redrawTail<T extends Float32Array | Float64Array>(
  out: T,
  uniform: () => number,
  block: (out: T, at: number) => void,
): void {
  const tail = out.length - BLOCK;
  for (let i = tail; i < out.length; i++) out[i] = uniform();
  block(out, tail);
}

function blocks32(out: Float32Array, count: number): void {
  for (let at = 0; at + BLOCK <= count; at += BLOCK) block32(out, at);
}

// Box and Muller on 16 uniforms in place: 8 radii, 8 angles. Rounded to float32 where torch's vector code rounds.
function block32(out: Float32Array, at: number): void {
  for (let j = at; j < at + 8; j++) {
    const r = f(Math.sqrt(-2 * f(Math.log(1 - (out[j] as number)))));
    const theta = f(TWO_PI * (out[j + 8] as number));
    out[j] = r * f(Math.cos(theta));
    out[j + 8] = r * f(Math.sin(theta));
  }
}

function block64(out: Float64Array, at: number): void {
  for (let j = at; j < at + 8; j++) {
    const r = Math.sqrt(-2 * log(1 - (out[j] as number)));
    const [cos, sin] = cosSin(2 * Math.PI * (out[j + 8] as number));
    out[j] = r * cos;
    out[j + 8] = r * sin;
  }
}
