// Reading the golden cases of test/fixtures, and comparing with them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { readTensors } from "@cogfleet/model";

/** test/fixtures, absolute. */
export const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** A JSON file of a case. The caller names its shape: the files are ours. */
export function readJson<T>(...path: readonly string[]): T {
  return JSON.parse(readFileSync(join(FIXTURES, ...path), "utf8")) as T;
}

/** The float32 tensors of a file of a case. */
export async function readFloats(...path: readonly string[]): Promise<(name: string) => Float32Array> {
  const tensors = await readTensors(join(FIXTURES, ...path), neverAborts);
  return (name) => {
    const data = tensors.get(name)?.data;
    assert.ok(data instanceof Float32Array, `${path.join("/")} holds no float32 ${name}`);
    return data;
  };
}

/** Fails unless every value is within `atol` of what is expected. */
export function assertClose(actual: Float32Array, expected: Float32Array, atol: number): void {
  assert.equal(actual.length, expected.length);
  const worst = expected.reduce((max, value, i) => {
    const difference = Math.abs(value - (actual[i] as number));
    return difference > max || Number.isNaN(difference) ? difference : max; // NaN stays
  }, 0);
  assert.ok(worst <= atol, `differs by ${worst}, tolerance ${atol}`);
}
