import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { openTextEncoder, readTensors, readTextEncoderFolder, relativeBucket } from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

interface Case {
  readonly runs: readonly { readonly name: string; readonly shape: readonly [number, number] }[];
  readonly tolerance: { readonly atol: number };
}

const runtime = cpuRuntime();

async function open(...folder: readonly string[]) {
  const { config, weights } = await readTextEncoderFolder(join(FIXTURES, ...folder), neverAborts);
  return openTextEncoder(runtime, config, weights(), "fp32", neverAborts);
}

/** Token ids [B, L] of a file of the fixtures. */
async function readIds(file: readonly string[], name: string, length: number): Promise<number[][]> {
  const ids = (await readTensors(join(FIXTURES, ...file), neverAborts)).get(name)?.data;
  assert.ok(ids instanceof BigInt64Array);
  return Array.from({ length: ids.length / length }, (_, b) =>
    Array.from(ids.subarray(b * length, (b + 1) * length), Number),
  );
}

describe("the T5 encoder", () => {
  const { runs, tolerance } = readJson<Case>("t5", "case.json");

  for (const folder of [
    ["t5", "text_encoder"],
    ["weights-formats", "t5-sharded"],
  ]) {
    it(`computes what transformers computes from ${folder.join("/")}`, async () => {
      const encoder = await open(...folder);
      const expected = await readFloats("t5", "expected.safetensors");
      for (const { name, shape } of runs) {
        const ids = await readIds(["t5", "inputs.safetensors"], `${name}.input_ids`, shape[1]);
        const hidden = await encoder.encode(ids, neverAborts);
        assertClose(hidden, expected(`${name}.last_hidden_state`), tolerance.atol);
      }
      await encoder.close();
    });
  }

  it("refuses ids that it has no embedding for, and rows of different lengths", async () => {
    const encoder = await open("t5", "text_encoder");
    await assert.rejects(encoder.encode([[1, 512]], neverAborts), { code: "tensor_mismatch" });
    await assert.rejects(encoder.encode([[1, 2], [1]], neverAborts), { code: "tensor_mismatch" });
    await assert.rejects(encoder.encode([], neverAborts), { code: "tensor_mismatch" });
    await encoder.close();
  });
});

describe("T5's relative position buckets", () => {
  it("are those of transformers at every distance", () => {
    const buckets = readJson<Record<string, number>>("t5", "buckets.json");
    const ours = Object.fromEntries(
      Object.keys(buckets).map((relative) => [relative, relativeBucket(Number(relative), 32, 128)]),
    );
    assert.deepEqual(ours, buckets);
  });
});
