import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { Expectations } from "./expectations.js";
import { LinkTable } from "./links.js";
import { sampleRequest, sampleWorker } from "./testing/sample-jobs.js";

const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};

function workers(flopsPerSecond: number) {
  return ["w0", "w1"].map((id) => ({
    worker: sampleWorker(id, { configs: new Map([["demo", CONFIGS]]), exchangeAddress: id, flopsPerSecond }),
    transformerForm: undefined,
    slowness: 1,
  }));
}

describe("Expectations", () => {
  it("weighs plans once for requests of one shape on the same workers", () => {
    let asked = 0;
    const links = new LinkTable();
    const counted = {
      between: (from: string, to: string) => {
        asked += 1;
        return links.between(from, to);
      },
    };
    const expectations = new Expectations(counted);
    const request = sampleRequest({ numInferenceSteps: 500 });
    const first = expectations.of(request, workers(1e9));
    assert.ok(first !== undefined && first.ranks === 2);
    const before = asked;
    assert.deepEqual(expectations.of({ ...request, prompt: "another", seed: 2 }, workers(1e9)), first);
    assert.equal(asked, before);
    const slower = expectations.of(request, workers(5e8));
    assert.ok(slower !== undefined && slower.denoiseSeconds > first.denoiseSeconds);
    assert.ok(asked > before);
  });
});
