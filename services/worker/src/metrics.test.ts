import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRegistry } from "@cogfleet/service";
import { createWorkerMetrics } from "./metrics.js";

describe("the worker's metrics", () => {
  it("keep their published names", () => {
    const registry = createRegistry({ service: "worker", version: "0.0.0" });
    createWorkerMetrics(registry);
    createWorkerMetrics(createRegistry({ service: "worker", version: "0.0.0" })); // two workers in one process do not collide
    const names = registry.getMetricsAsArray().map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name.startsWith("cogfleet_")).sort(), [
      "cogfleet_build_info",
      "cogfleet_cold_start_seconds",
      "cogfleet_event_loop_lag_seconds",
      "cogfleet_session_load_seconds",
      "cogfleet_step_compute_seconds",
      "cogfleet_step_seconds",
      "cogfleet_text_encode_seconds",
      "cogfleet_vae_decode_seconds",
    ]);
  });
});
