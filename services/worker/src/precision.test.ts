import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDevice } from "@cogfleet/ort";
import { choosePrecision } from "./precision.js";

const model2b = { refusesFp16: false, facts: { name: "CogVideoX-2b" } };
const model5b = { refusesFp16: true, facts: { name: "CogVideoX-5b" } };

describe("choosePrecision", () => {
  it("is fp32 on CPU, and on a card what the checkpoint stands", () => {
    const auto = (device: string, model: typeof model2b): string =>
      choosePrecision("auto", parseDevice(device), model);
    assert.deepEqual(
      [auto("cpu", model2b), auto("cpu", model5b), auto("cuda", model2b), auto("cuda:1", model5b)],
      ["fp32", "fp32", "fp16", "bf16"],
    );
    assert.deepEqual([auto("webgpu", model2b), auto("webgpu", model5b)], ["fp16", "fp32"]);
    assert.equal(choosePrecision("fp32", parseDevice("cuda"), model2b), "fp32");
  });

  it("refuses fp16 for the 5B family, with the reason", () => {
    assert.throws(() => choosePrecision("fp16", parseDevice("cuda"), model5b), {
      code: "unsupported",
      message: /--precision fp16 cannot compute CogVideoX-5b: .* overflow fp16 .*; use bf16 or fp32/,
    });
  });
});
