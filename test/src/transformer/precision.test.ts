import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import {
  openTextEncoder,
  openTransformer,
  readTextEncoderFolder,
  readTransformerFolder,
} from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { FIXTURES, readFloats } from "../golden-case.js";

const runtime = cpuRuntime("fp16");

function relativeL2(actual: Float32Array, expected: Float32Array): number {
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(square(expected.map((value, i) => value - (actual[i] as number))) / square(expected));
}

// float16 keeps 11 bits: about 5e-4 of a value, and a few layers of it.
const FLOAT16 = 5e-3;

describe("half precision on a CPU", () => {
  it("computes the 2B transformer in fp16, ONNX Runtime casting where it has no kernel", async () => {
    const { config, weights } = await readTransformerFolder(
      join(FIXTURES, "transformer-2b", "transformer"),
      neverAborts,
    );
    const transformer = await openTransformer(runtime, config, weights(), "fp16", neverAborts);
    const inputs = await readFloats("transformer-2b", "inputs.safetensors");
    const expected = await readFloats("transformer-2b", "expected.safetensors");
    const sample = await transformer.forward(
      {
        batch: 2,
        frames: 3,
        height: 6,
        width: 10,
        hiddenStates: inputs("native.hidden_states"),
        encoderHiddenStates: inputs("native.encoder_hidden_states"),
        timestep: [999, 499],
      },
      neverAborts,
    );
    const error = relativeL2(sample, expected("native.sample"));
    assert.ok(error > 1e-5 && error < FLOAT16, `rel L2 ${error}`);
    await transformer.close();
  });

  it("computes T5 in fp16, the residual stream and wo in float32", async () => {
    const { config, weights } = await readTextEncoderFolder(
      join(FIXTURES, "t5", "text_encoder"),
      neverAborts,
    );
    const encoder = await openTextEncoder(runtime, config, weights(), "fp16", neverAborts);
    const single = await openTextEncoder(runtime, config, weights(), "fp32", neverAborts);
    const ids = [Array.from({ length: 20 }, (_, i) => (i * 37) % config.vocabSize)];
    const error = relativeL2(await encoder.encode(ids, neverAborts), await single.encode(ids, neverAborts));
    assert.ok(error > 1e-5 && error < FLOAT16, `rel L2 ${error}`);
    await encoder.close();
    await single.close();
  });

  // The graph is checked whole before kernels are looked up, so its types and shapes are right.
  it("refuses bf16 for want of kernels, not for a graph that is wrong", async () => {
    const transformer = await readTransformerFolder(
      join(FIXTURES, "transformer-5b", "transformer"),
      neverAborts,
    );
    await assert.rejects(
      openTransformer(runtime, transformer.config, transformer.weights(), "bf16", neverAborts),
      { code: "unsupported", message: /find an implementation for Gemm/ },
    );
    const t5 = await readTextEncoderFolder(join(FIXTURES, "t5", "text_encoder"), neverAborts);
    await assert.rejects(openTextEncoder(runtime, t5.config, t5.weights(), "bf16", neverAborts), {
      code: "unsupported",
      message: /find an implementation for Gemm/,
    });
  });
});
