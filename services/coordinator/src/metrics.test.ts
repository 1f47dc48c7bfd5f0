import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createRegistry } from "@cogfleet/service";
import { documentedMetrics, exposedMetrics, parseMetrics } from "@cogfleet/service/testing";
import { createCoordinatorMetrics, type Snapshot } from "./metrics.js";

const BUSY: Snapshot = {
  queued: 4,
  running: 2,
  idleWorkers: 1,
  busyWorkers: 4,
  drainingWorkers: 0,
  groups: new Map([[2, 2]]),
  stepAgeSeconds: 3,
  oldestQueuedSeconds: 7,
  backlogSeconds: [["m", 90]],
  isStoreUp: true,
  isLeader: false,
};

/** Metrics that have seen everything once. */
function setUp() {
  const registry = createRegistry({ service: "coordinator", version: "0" });
  let now = BUSY;
  let looks = 0;
  const metrics = createCoordinatorMetrics(registry, () => {
    looks += 1;
    return now;
  });
  const { observer } = metrics;
  observer.modelOffered("m");
  observer.jobSubmitted("m");
  observer.submitDeduplicated();
  observer.submitRejected("invalid_request");
  observer.jobFinished({ model: "m", outcome: "failed", reason: "numeric_error", seconds: 1 });
  observer.jobFinished({ model: "m", outcome: "failed", reason: "what a stranger says", seconds: 1 });
  observer.jobAssigned(3);
  observer.stageDone("decode", 1);
  observer.stepDone(2, 1);
  observer.workerLost("lease");
  observer.failureNoticed("stream", 0.2);
  observer.stepsLost("worker_lost", 1);
  observer.jobRecovered(2);
  observer.groupResized();
  observer.jobPreempted();
  observer.deadlineMissed();
  observer.stragglerMeasured(1.2);
  observer.estimateMeasured(0.9);
  observer.checkpointStored(1e6, 0.1);
  observer.artifactWriteFailed("resource_exhausted");
  observer.writeFenced();
  observer.dataDamaged();
  metrics.callEnded({ method: "a/B", code: "OK" });
  metrics.eventLoopLag(0.01);
  metrics.certificateRead("own", 1.8e9);
  const set = (next: Partial<Snapshot>): void => {
    now = { ...now, ...next };
  };
  return { registry, set, looks: () => looks, scrape: async () => parseMetrics(await registry.metrics()) };
}

describe("the coordinator's metrics", () => {
  it("are those that docs/metrics.md lists: names, types, labels and meanings are an interface", async () => {
    const { registry } = setUp();
    const doc = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    assert.deepEqual(exposedMetrics(await registry.metrics()), documentedMetrics(doc, "Coordinator"));
  });

  it("look at what is the case once a scrape", async () => {
    const { scrape, looks } = setUp();
    await scrape();
    await scrape();
    assert.equal(looks(), 2);
  });

  it("show a degree that no group has any more as 0", async () => {
    const { scrape, set } = setUp();
    await scrape();
    set({ groups: new Map([[3, 1]]) });
    const samples = (await scrape()).get("cogfleet_groups")?.samples ?? [];
    const byDegree = samples.map(({ labels, value }) => [labels["degree"], value]);
    assert.deepEqual(byDegree, [
      ["2", 0],
      ["3", 1],
    ]);
  });

  it("count reasons that are not ours as other, so that labels stay a closed set", async () => {
    const finished = (await setUp().scrape()).get("cogfleet_jobs_finished_total")?.samples ?? [];
    const counted = finished.filter(({ value }) => value > 0).map(({ labels }) => labels["reason"]);
    assert.deepEqual(counted.sort(), ["numeric_error", "other"]);
  });

  it("show what can be counted before it happens, so that the first time is an increase", async () => {
    const registry = createRegistry({ service: "coordinator", version: "0" });
    const { observer } = createCoordinatorMetrics(registry, () => BUSY);
    observer.modelOffered("m");
    const page = parseMetrics(await registry.metrics());
    for (const name of ["workers_lost_total", "fenced_writes_total", "jobs_finished_total"]) {
      const samples = page.get(`cogfleet_${name}`)?.samples ?? [];
      assert.ok(samples.length > 0 && samples.every(({ value }) => value === 0), name);
    }
  });
});
