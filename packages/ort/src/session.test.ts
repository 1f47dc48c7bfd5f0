import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { codeOf } from "./session.js";

describe("what ONNX Runtime's errors mean", () => {
  const cuda = (error: string): string =>
    `/onnxruntime/core/providers/cuda/cuda_call.cc:129 ${error} ; GPU=0 ; hostname=node ; expr=cudaStreamSynchronize(stream);`;

  it("is that the process can compute no more, when its device is lost or its context spoilt", () => {
    for (const error of [
      "CUDA failure 100: no CUDA-capable device is detected",
      "CUDA failure 214: uncorrectable ECC error encountered",
      "CUDA failure 700: an illegal memory access was encountered",
      "CUDA failure 719: unspecified launch failure",
      "CUDA failure 999: unknown error",
    ])
      assert.equal(codeOf(cuda(error)), "worker_lost", error);
  });

  it("is no more than what was asked for, else", () => {
    assert.equal(codeOf(cuda("CUDA failure 2: out of memory")), "out_of_memory");
    assert.equal(codeOf(cuda("CUDA failure 1: invalid argument")), "internal");
    assert.equal(codeOf("Failed to allocate memory for requested buffer of size 70000"), "out_of_memory");
  });
});
