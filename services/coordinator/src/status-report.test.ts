import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts, silentLogger } from "@cogfleet/core";
import { FleetView } from "./fleet-view.js";
import { statusReport } from "./status-report.js";
import { House } from "./testing/house.js";

describe("the status report", () => {
  it("shows jobs, groups, workers and the backlog, and nobody's prompt", async () => {
    const house = new House({ maxTenantRanks: 9 });
    const worker = house.worker("w1");
    const running = await house.submit({ prompt: "a secret circle" });
    const waiting = await house.submit({ prompt: "a secret square", tenant: "film", parallel: "cfg=2" });
    await house.submit({ prompt: "a secret triangle" });
    await worker.step(2);
    await house.clock.advance(4_000);
    const workers = new FleetView({ ...house, board: undefined, maxTenantRanks: 1, log: silentLogger });
    const report = await statusReport({ ...house, workers }, neverAborts);
    const { jobs, role, ...rest } = report as {
      jobs: { list: { id: string; tenant: string }[]; running: number; queued: number };
      workers: { id: string; state: string; jobId: string }[];
      role: string;
    };
    assert.equal(role, "leader");
    assert.deepEqual([jobs.running, jobs.queued], [1, 2]);
    const [first, third, second] = jobs.list;
    assert.deepEqual(first, {
      ...first,
      id: running.id,
      ...{ state: "running", stage: "denoise", step: 2, steps: 3, attempts: 1, workerIds: ["w1"] },
      ...{ degrees: { cfg: 1, context: 1 }, runSeconds: 4 },
    });
    assert.deepEqual(second, {
      ...second,
      ...{ id: waiting.id, state: "queued", tenant: "film", queuePosition: 0, waitSeconds: 4 },
      waitReason: "waits for 2 workers of demo: 1 is connected",
    });
    assert.deepEqual(third, {
      ...third,
      waitReason: `waits for jobs of tenant "${first?.tenant}" to end: it has 1 of 1 workers at a time (max_tenant_ranks)`,
    });
    assert.deepEqual(rest.workers[0], { ...rest.workers[0], id: "w1", state: "busy", jobId: running.id });
    assert.ok(!JSON.stringify(report).includes("secret"));
  });
});
