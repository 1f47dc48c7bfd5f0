import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createRegistry } from "@cogfleet/service";
import { documentedMetrics, exposedMetrics } from "@cogfleet/service/testing";
import { createWorkerMetrics } from "./metrics.js";

describe("the worker's metrics", () => {
  it("are those that docs/metrics.md lists: names, types, labels and meanings are an interface", async () => {
    const registry = createRegistry({ service: "worker", version: "0.0.0" });
    createWorkerMetrics(createRegistry({ service: "worker", version: "0.0.0" })); // two workers in one process do not collide
    const metrics = createWorkerMetrics(registry);
    metrics.stepExchanged("attention", 0.1);
    metrics.sessionLoaded("transformer", 1);
    metrics.coldStartPhase("checkpoint", 1);
    metrics.certificateRead("own", 1.8e9);
    const doc = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    assert.deepEqual(exposedMetrics(await registry.metrics()), documentedMetrics(doc, "Worker"));
  });
});
