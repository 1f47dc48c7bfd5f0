import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { readTensors } from "@cogfleet/model";
import { writeRandomWeights } from "./random-weights.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-weights-"));
after(() => rmSync(folder, { recursive: true }));

const shapes = new Map([
  ["proj.weight", [64, 32]],
  ["proj.bias", [64]],
  ["norm.weight", [32]],
]);

describe("random weights", () => {
  it("are a file that the reader takes, with matrices of deviation 1 / sqrt(fan in)", async () => {
    const file = join(folder, "a.safetensors");
    await writeRandomWeights(file, shapes, 7, neverAborts);
    const tensors = await readTensors(file, neverAborts);
    assert.deepEqual([...tensors.keys()].toSorted(), [...shapes.keys()].toSorted());
    const weight = tensors.get("proj.weight")?.data;
    assert.ok(weight instanceof Float32Array);
    const deviation = Math.sqrt(weight.reduce((sum, value) => sum + value * value, 0) / weight.length);
    assert.ok(Math.abs(deviation * Math.sqrt(32) - 1) < 0.1, `deviation ${deviation}`);
  });

  it("are the same bytes for the same seed, and others for another", async () => {
    const bytes = async (name: string, seed: number): Promise<Buffer> => {
      await writeRandomWeights(join(folder, name), shapes, seed, neverAborts);
      return readFileSync(join(folder, name));
    };
    assert.deepEqual(await bytes("b", 7), await bytes("c", 7));
    assert.notDeepEqual(await bytes("b", 7), await bytes("d", 9));
  });
});
