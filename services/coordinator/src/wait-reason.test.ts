import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ONE_RANK } from "@cogfleet/parallel";
import type { WorkerView } from "./fleet-board.js";
import type { Job, JobRequest } from "./job.js";
import { sampleJob } from "./testing/sample-jobs.js";
import { waitReason as reasonUnder } from "./wait-reason.js";

const worker: WorkerView = {
  ...{ id: "w", device: "cpu", precision: "fp32", threads: 1, models: ["demo"], hostname: "host", pid: 1 },
  ...{ version: "0.1.0", jobId: "", tenant: "", isDraining: false, connectedAt: 0, kin: "fp32" },
};

function jobOf(parallel: JobRequest["parallel"], over: Partial<Job> = {}): Job {
  return { ...sampleJob("job", { parallel }).job, ...over };
}

const waitReason = (job: Job, workers: readonly WorkerView[], maxTenantRanks = 0): string =>
  reasonUnder(job, workers, maxTenantRanks);

describe("why a job waits", () => {
  it("counts the workers that it takes, and those that are there", () => {
    const job = jobOf("context=4");
    assert.equal(waitReason(job, []), "waits for 4 workers of demo: none is connected");
    assert.equal(waitReason(job, [worker]), "waits for 4 workers of demo: 1 is connected");
    assert.equal(waitReason(job, [worker, worker]), "waits for 4 workers of demo: 2 are connected");
    assert.equal(waitReason(job, [worker, worker, worker, worker]), "");
  });

  it("says when nobody has its model, or everybody who has it leaves", () => {
    const reason = "waits for a worker of demo: none is connected";
    assert.equal(waitReason(jobOf("auto"), [{ ...worker, models: ["other"] }]), reason);
    assert.equal(waitReason(jobOf("auto"), [{ ...worker, isDraining: true }]), reason);
    assert.equal(waitReason(jobOf("auto"), [{ ...worker, jobId: "another" }]), "");
  });

  it("counts those that can compute together", () => {
    const others = [worker, { ...worker, kin: "fp16" }, { ...worker, kin: undefined }];
    const reason = "waits for 3 workers of demo: 4 are connected, of which at most 2 can compute together";
    assert.equal(waitReason(jobOf("context=3"), [worker, ...others]), reason);
    const strangers = [
      { ...worker, kin: undefined },
      { ...worker, kin: undefined },
    ];
    assert.match(waitReason(jobOf("cfg=2"), strangers), /2 are connected, of which at most 1 can/);
    assert.equal(waitReason(jobOf("auto"), strangers), "");
  });

  it("names the limit of a tenant that holds what it may, or too much for a job that takes more", () => {
    const own = { ...worker, jobId: "another", tenant: sampleJob("job").job.request.tenant };
    const fleet = [worker, worker, own, { ...own, tenant: "others" }];
    const reason =
      /^waits for jobs of tenant "\w+" to end: it has 1 of \d workers at a time \(max_tenant_ranks\)$/;
    assert.match(waitReason(jobOf("auto"), fleet, 1), reason);
    assert.match(waitReason(jobOf("context=2"), fleet, 2), reason);
    assert.equal(waitReason(jobOf("context=2"), fleet, 3), "");
    assert.equal(waitReason(jobOf("context=2", { plan: { ...ONE_RANK, context: 2 } }), fleet, 2), "");
    assert.match(waitReason(jobOf("context=4"), [own], 8), /^waits for 4 workers/);
  });

  it("knows that a job which was begun goes on with fewer, and that others do not wait", () => {
    assert.equal(waitReason(jobOf("context=4", { plan: { ...ONE_RANK, context: 4 } }), [worker]), "");
    assert.equal(waitReason(jobOf("context=4", { nextRanks: 2 }), [worker, worker]), "");
    const running = { kind: "running", isCancelAsked: false } as const;
    assert.equal(waitReason(jobOf("context=4", { state: running }), []), "");
  });
});
