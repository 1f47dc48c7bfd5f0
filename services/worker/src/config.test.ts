import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDevice } from "@cogfleet/ort";
import { hungRunMsOf, parseWorkerConfig, threadsOf } from "./config.js";

describe("parseWorkerConfig", () => {
  it("needs nothing but a model; flags win over variables", () => {
    const config = parseWorkerConfig(["--model", "m", "--threads", "3"], {
      COGFLEET_THREADS: "5",
      COGFLEET_COORDINATOR: "[::1]:7070",
    });
    assert.equal(config.threads, 3);
    assert.equal(config.coordinator, "[::1]:7070");
    assert.equal(config.device, "cpu");
    assert.equal(config.videoEncoder, "wasm");
  });

  it("names every flag that is wrong", () => {
    assert.throws(
      () => parseWorkerConfig(["--precision", "int8", "--threads", "-1", "--wat", "x"], {}),
      (error: Error) =>
        ["--wat", "--model", "--precision must be one of auto, fp32, fp16, bf16", "--threads"].every((word) =>
          error.message.includes(word),
        ),
    );
  });

  it("knows an address and a device from what is none", () => {
    for (const coordinator of ["host", "host:0", "host:65536", ":1", "a b:1", "http://host:1"])
      assert.throws(() => parseWorkerConfig(["--model", "m", "--coordinator", coordinator], {}), {
        code: "invalid_config",
        message: `--coordinator must be HOST:PORT, such as 127.0.0.1:7070, got "${coordinator}"`,
      });
    assert.throws(() => parseWorkerConfig(["--model", "m", "--device", "gpu"], {}), {
      message: '--device must be cpu, cuda, cuda:INDEX or webgpu, got "gpu"',
    });
  });
});

describe("hungRunMsOf", () => {
  it("waits longer for a CPU, unless told for how long", () => {
    const hungRunMs = (device: string, asked = 0): number =>
      hungRunMsOf({ hungRunMs: asked }, parseDevice(device));
    assert.deepEqual(
      [hungRunMs("cpu"), hungRunMs("cuda:1"), hungRunMs("webgpu"), hungRunMs("cpu", 2_000)],
      [3_600_000, 150_000, 150_000, 2_000],
    );
  });
});

describe("threadsOf", () => {
  it("shares the processors among the local workers, at least one each", () => {
    const threads = (localWorkers: number, asked = 0): number =>
      threadsOf({ threads: asked, localWorkers }, 8).threads;
    assert.deepEqual([threads(1), threads(3), threads(16), threads(3, 5)], [8, 2, 1, 5]);
  });

  it("lets idle threads spin only where nobody else wants the cores", () => {
    const spins = (localWorkers: number, asked: number): boolean =>
      threadsOf({ threads: asked, localWorkers }, 8).spin;
    assert.deepEqual([spins(1, 0), spins(1, 8), spins(1, 4), spins(2, 8)], [true, true, false, false]);
  });
});
