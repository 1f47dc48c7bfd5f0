import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import { type DenoiseState, TorchGenerator } from "@cogfleet/model";
import fc from "fast-check";
import { readCheckpoint, writeCheckpoint } from "./checkpoint-file.js";

const values = fc.float32Array({ minLength: 1, maxLength: 20, noNaN: true });
const state: fc.Arbitrary<DenoiseState> = fc.record({
  step: fc.integer({ min: 1, max: 1000 }),
  latents: values.map((array) => array.slice()),
  solver: fc.record({ previousX0: fc.option(values, { nil: undefined }) }),
  generators: fc
    .array(fc.record({ seed: fc.nat(), normal: fc.option(fc.double({ noNaN: true }), { nil: undefined }) }), {
      minLength: 1,
      maxLength: 2,
    })
    .map((drawn) =>
      drawn.map(({ seed, normal }) => ({ ...TorchGenerator.seeded(seed).state(), nextNormal: normal })),
    ),
});

describe("a checkpoint file", () => {
  it("gives back the state that was written, bit for bit, wherever in memory it lies", () => {
    fc.assert(
      fc.property(state, fc.nat(7), (written, offset) => {
        const file = writeCheckpoint(written);
        const moved = new Uint8Array(file.length + offset);
        moved.set(file, offset);
        assert.deepEqual(readCheckpoint(moved.subarray(offset)), {
          ...written,
          solver: { ...written.solver },
        });
      }),
      { numRuns: 50 },
    );
  });

  it("is refused when it is cut off, empty, or something else", () => {
    const [sample] = fc.sample(state, 1);
    assert.ok(sample);
    const file = writeCheckpoint(sample);
    for (const bad of [file.subarray(0, file.length - 4), new Uint8Array(), new Uint8Array(100).fill(7)])
      assert.throws(
        () => readCheckpoint(bad),
        (error) => error instanceof ClusterError && error.code === "data_loss",
      );
  });
});
