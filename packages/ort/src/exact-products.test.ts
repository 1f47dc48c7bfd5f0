import assert from "node:assert/strict";
import process from "node:process";
import { afterEach, describe, it } from "node:test";
import type { RuntimeOptions } from "./device.js";
import { keepProductsExact } from "./exact-products.js";

const NAME = "NVIDIA_TF32_OVERRIDE";
const on = (
  kind: RuntimeOptions["device"]["kind"],
  precision: RuntimeOptions["precision"],
): RuntimeOptions => ({
  device: { kind, index: 0 },
  precision,
  threads: 1,
  spin: false,
});

describe("keepProductsExact", () => {
  const before = process.env[NAME];
  afterEach(() => {
    if (before === undefined) delete process.env[NAME];
    else process.env[NAME] = before;
  });

  it("turns TensorFloat32 off for float32 on CUDA, and for nothing else", () => {
    delete process.env[NAME];
    for (const other of [on("cpu", "fp32"), on("webgpu", "fp32"), on("cuda", "fp16"), on("cuda", "bf16")])
      keepProductsExact(other);
    assert.equal(process.env[NAME], undefined);
    keepProductsExact(on("cuda", "fp32"));
    assert.equal(process.env[NAME], "0");
  });

  it("leaves what the environment says", () => {
    process.env[NAME] = "1";
    keepProductsExact(on("cuda", "fp32"));
    assert.equal(process.env[NAME], "1");
  });
});
