import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import type { Runtime } from "@cogfleet/model";
import { textEncoderMode, transientTextEncoder } from "./text-encoding.js";

function runtimes() {
  const log: string[] = [];
  let started = 0;
  const start = (): Runtime => {
    started += 1;
    const name = `runtime ${started}`;
    log.push(`${name} started`);
    const notHere = () => Promise.reject(new Error("not opened here"));
    return {
      open: notHere,
      openTogether: notHere,
      async close() {
        log.push(`${name} ended`);
      },
    };
  };
  return { log, start };
}

describe("transientTextEncoder", () => {
  it("starts a process for each batch of prompts and ends it before it answers", async () => {
    const { log, start } = runtimes();
    const encoder = transientTextEncoder(start, async () => ({
      async encode(ids) {
        log.push(`encoded ${ids.length}`);
        return Float32Array.of(1);
      },
      async close() {},
    }));
    assert.deepEqual(log, []);
    assert.deepEqual(await encoder.encode([[1], [2]], neverAborts), Float32Array.of(1));
    assert.deepEqual(log, ["runtime 1 started", "encoded 2", "runtime 1 ended"]);
    await encoder.encode([[3]], neverAborts);
    assert.deepEqual(log.slice(3), ["runtime 2 started", "encoded 1", "runtime 2 ended"]);
  });

  it("makes the end of its process a failure that may pass, not the end of the worker", async () => {
    const { log, start } = runtimes();
    const encoder = transientTextEncoder(start, async () => {
      throw new ClusterError("worker_lost", "the compute process was ended by SIGKILL");
    });
    await assert.rejects(encoder.encode([[1]], neverAborts), {
      code: "resource_exhausted",
      message: "encoding the prompt: the compute process was ended by SIGKILL",
    });
    assert.deepEqual(log, ["runtime 1 started", "runtime 1 ended"]);
  });
});

describe("textEncoderMode", () => {
  it("keeps the encoder where everything fits into four fifths of the free memory, unless told", () => {
    assert.equal(textEncoderMode("auto", { neededBytes: 80, freeBytes: 100 }), "resident");
    assert.equal(textEncoderMode("auto", { neededBytes: 81, freeBytes: 100 }), "transient");
    assert.equal(textEncoderMode("resident", { neededBytes: 200, freeBytes: 100 }), "resident");
    assert.equal(textEncoderMode("transient", { neededBytes: 1, freeBytes: 100 }), "transient");
  });
});
