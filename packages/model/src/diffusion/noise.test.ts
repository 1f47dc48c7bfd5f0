import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import { readTensors } from "../checkpoint/safetensors-file.js";
import { randn, randn64, randnHalf, randnTensor } from "./noise.js";
import { TorchGenerator } from "./torch-generator.js";

const golden = new URL("../../../../test/fixtures/rng/", import.meta.url);
const tensors = await readTensors(new URL("randn.safetensors", golden).pathname, neverAborts);
const { config } = JSON.parse(await readFile(new URL("case.json", golden), "utf8"));
const large = JSON.parse(await readFile(new URL("large.json", golden), "utf8"));
const seeds: readonly string[] = config.seeds;

const fresh = (seed: string): TorchGenerator => TorchGenerator.seeded(Number(seed));

function expected(name: string) {
  const tensor = tensors.get(name);
  assert.ok(tensor !== undefined, name);
  return tensor.data;
}

function assertClose(actual: ArrayLike<number>, wanted: ArrayLike<number | bigint>, atol: number): void {
  assert.equal(actual.length, wanted.length);
  for (let i = 0; i < actual.length; i++)
    assert.ok(Math.abs((actual[i] as number) - Number(wanted[i])) <= atol, `${i}: ${actual[i]} ${wanted[i]}`);
}

describe("randn", () => {
  it("draws fewer than 16 as torch does, bit for bit", () => {
    for (const seed of seeds)
      for (const n of config.sizes.f32.filter((size: number) => size < 16))
        assert.deepEqual(randn(fresh(seed), n), expected(`s${seed}.f32.n${n}`));
  });

  it("draws 16 and more within three units in the last place", () => {
    for (const seed of seeds)
      for (const n of config.sizes.f32)
        assertClose(randn(fresh(seed), n), expected(`s${seed}.f32.n${n}`), 2.5e-7);
  });

  it("keeps the second of a pair over larger draws", () => {
    for (const seed of seeds)
      for (const [i, sizes] of config.sequences.entries()) {
        const generator = fresh(seed);
        for (const [j, n] of sizes.entries())
          assertClose(randn(generator, n), expected(`s${seed}.seq${i}.draw${j}`), n < 16 ? 0 : 2.5e-7);
      }
  });

  it("draws a whole video's latents", () => {
    for (const { seed, shape, first, last, at, values } of large) {
      const count = shape.reduce((product: number, dim: number) => product * dim, 1);
      const x = randn(fresh(seed), count);
      assertClose(x.subarray(0, first.length), first, 2.5e-7);
      assertClose(x.subarray(-last.length), last, 2.5e-7);
      assertClose(
        at.map((i: number) => x[i]),
        values,
        2.5e-7,
      );
    }
  });

  it("goes on from a state as if nothing had happened", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), sizes, sizes, (seed, before, after) => {
        const generator = TorchGenerator.seeded(seed);
        for (const n of before) randn(generator, n);
        const resumed = TorchGenerator.resumed(structuredClone(generator.state()));
        for (const n of after) assert.deepEqual(randn(resumed, n), randn(generator, n));
      }),
    );
  });

  it("refuses a state that is none", () => {
    const state = TorchGenerator.seeded(1).state();
    assert.throws(() => TorchGenerator.resumed({ ...state, words: state.words.subarray(1) }), {
      code: "data_loss",
    });
    assert.throws(() => TorchGenerator.resumed({ ...state, index: 625 }), { code: "data_loss" });
  });
});

describe("randn64", () => {
  it("draws as torch does, but for the last bit where torch's C library rounds the wrong way", () => {
    let same = 0;
    let all = 0;
    for (const seed of seeds)
      for (const n of config.sizes.f64) {
        const wanted = expected(`s${seed}.f64.n${n}`);
        for (const [i, x] of randn64(fresh(seed), n).entries()) {
          all += 1;
          if (x === wanted[i]) same += 1;
          else assert.ok(Math.abs(x - Number(wanted[i])) <= 2 ** -52 * Math.abs(x), `s${seed} n${n} ${i}`);
        }
      }
    assert.ok(same >= all - 2, `${same} of ${all}`);
  });
});

describe("randnHalf", () => {
  for (const [name, type] of [
    ["f16", "float16"],
    ["bf16", "bfloat16"],
  ] as const)
    it(`draws ${type} as torch does, bit for bit`, () => {
      for (const seed of seeds)
        for (const n of config.sizes[name])
          assert.deepEqual(randnHalf(fresh(seed), n, type), expected(`s${seed}.${name}.n${n}`));
    });
});

describe("randnTensor", () => {
  it("draws the whole from one generator, or a row from each of a list", () => {
    for (const [i, { shape, seeds: rows, list }] of config.randn_tensor.entries()) {
      const generators: TorchGenerator[] = rows.map(fresh);
      assertClose(
        randnTensor(list ? generators : generators.slice(0, 1), shape),
        expected(`randn_tensor.${i}`),
        2.5e-7,
      );
    }
  });

  it("refuses a list that is not as long as the batch", () => {
    assert.throws(() => randnTensor([TorchGenerator.seeded(1), TorchGenerator.seeded(2)], [3, 4]), {
      code: "invalid_request",
    });
  });
});
