import { elements, floatsOf, randn, randn64, randnHalf, randnTensor, TorchGenerator } from "@cogfleet/model";
import * as z from "zod";
import type { CaseRunner } from "./case-runner.js";
import { claim, compareTensor, compareValues, EXACT, type Numbers, type Tolerance } from "./compare.js";
import { tolerance } from "./golden-case.js";

const seed = z.string().regex(/^\d{1,20}$/);
const size = z.number().int().positive();
const schema = z.object({
  config: z.object({
    seeds: z.array(seed).min(1),
    sizes: z.record(z.enum(["f32", "f16", "bf16", "f64"]), z.array(size)),
    sequences: z.array(z.array(size)),
    large: z.array(z.unknown()).default([]),
    randn_tensor: z.array(z.object({ shape: z.array(size), seeds: z.array(seed).min(1), list: z.boolean() })),
  }),
  tolerance,
});
const largeSchema = z.array(
  z.object({
    seed,
    shape: z.array(size),
    first: z.array(z.number()),
    last: z.array(z.number()),
    at: z.array(z.number().int().nonnegative()),
    values: z.array(z.number()),
    mean: z.number(),
  }),
);

// One unit in the last place: of float16 and bfloat16 because torch rounds vector code's float32; of float64 because
// torch's C library is off by one bit once in a thousand, and ours is not.
const ULP: Readonly<Record<"f16" | "bf16" | "f64", Tolerance>> = {
  f16: { atol: 0, rtol: 2 ** -10 },
  bf16: { atol: 0, rtol: 2 ** -7 },
  f64: { atol: 0, rtol: 2 ** -52 },
};

/** torch's generator: single draws of every type, draws after each other, large ones, and randn_tensor. */
export const rngCase: CaseRunner = async ({ golden, check }, signal) => {
  const { config, tolerance: close } = golden.parse(schema);
  const expected = await golden.expected("randn.safetensors", signal);
  // Fewer than 16 are drawn in float64, bit for bit.
  const close32 = (n: number): Tolerance => (n < 16 ? EXACT : close);
  const compare = (name: string, data: Numbers, dims: readonly number[], allowed: Tolerance): void =>
    check(compareTensor(name, { data, dims }, expected.get(name), allowed));

  for (const text of config.seeds) {
    signal.throwIfAborted();
    const fresh = (): TorchGenerator => seeded(text);
    const uniform = fresh();
    const uniforms = Float32Array.from({ length: 16 }, () => uniform.uniform32());
    compare(`s${text}.uniform`, uniforms, [16], EXACT);
    for (const n of config.sizes.f32) compare(`s${text}.f32.n${n}`, randn(fresh(), n), [n], close32(n));
    for (const n of config.sizes.f64) compare(`s${text}.f64.n${n}`, randn64(fresh(), n), [n], ULP.f64);
    for (const [kind, type, dtype] of [
      ["f16", "float16", "F16"],
      ["bf16", "bfloat16", "BF16"],
    ] as const)
      for (const n of config.sizes[kind]) {
        const values = floatsOf({ dtype, shape: [n], data: randnHalf(fresh(), n, type) });
        compare(`s${text}.${kind}.n${n}`, values, [n], ULP[kind]);
      }
    for (const [i, sizes] of config.sequences.entries()) {
      const generator = fresh();
      for (const [j, n] of sizes.entries())
        compare(`s${text}.seq${i}.draw${j}`, randn(generator, n), [n], close32(n));
    }
  }
  for (const [i, { shape, seeds, list }] of config.randn_tensor.entries()) {
    const generators = seeds.map((text) => seeded(text));
    const drawn = randnTensor(list ? generators : generators.slice(0, 1), shape);
    compare(`randn_tensor.${i}`, drawn, shape, close);
  }
  const largeDraws = await golden.readJson("large.json", largeSchema);
  check(claim("large.count", largeDraws.length >= config.large.length, missing(largeDraws, config.large)));
  for (const [i, large] of largeDraws.entries()) {
    signal.throwIfAborted();
    const x = randn(seeded(large.seed), elements(large.shape));
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const at = (index: number): number => x[index] ?? Number.NaN;
    check(compareValues(`large.${i}.first`, x.subarray(0, large.first.length), large.first, close));
    check(compareValues(`large.${i}.last`, x.subarray(-large.last.length), large.last, close));
    check(compareValues(`large.${i}.values`, large.at.map(at), large.values, close));
    check(compareValues(`large.${i}.mean`, [mean], [large.mean], close));
  }
};

function missing(expected: readonly unknown[], listed: readonly unknown[]): string {
  return `large.json has ${expected.length} draws, case.json lists ${listed.length}`;
}

/** Only the low 32 bits count, of seeds that no double holds as well. */
function seeded(digits: string): TorchGenerator {
  return TorchGenerator.seeded(Number(BigInt.asUintN(32, BigInt(digits))));
}
