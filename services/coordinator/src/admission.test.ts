import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AdmissionLimits, type Applicant, type QueueLoad, refusalOf } from "./admission.js";

const OPEN: AdmissionLimits = { maxQueued: 10, maxQueuedSeconds: 0, maxTenantQueued: 0, maxTenantRanks: 0 };
const NOTHING: QueueLoad = { queued: 0, queuedSeconds: 0, tenantQueued: 0, workers: 1 };

function refusal(
  limits: Partial<AdmissionLimits>,
  load: Partial<QueueLoad>,
  applicant: Partial<Applicant> = {},
): ReturnType<typeof refusalOf> {
  const job = { jobId: "j", tenant: "blue", workSeconds: 60, minRanks: 1, ...applicant };
  return refusalOf(job, { ...NOTHING, ...load }, { ...OPEN, ...limits });
}

describe("refusalOf", () => {
  it("names the limit that is reached", () => {
    const reached = [
      refusal({}, { queued: 10 }),
      refusal({ maxTenantQueued: 3 }, { queued: 3, tenantQueued: 3 }),
      refusal({ maxQueuedSeconds: 100 }, { queued: 1, queuedSeconds: 41 }),
      refusal({ maxTenantRanks: 2 }, {}, { minRanks: 4 }),
    ];
    assert.deepEqual(
      reached.map((error) => /\((\w+)\)/.exec(error?.message ?? "")?.[1]),
      ["max_queued", "max_tenant_queued", "max_queued_seconds", "max_tenant_ranks"],
    );
    for (const error of reached) assert.equal(error?.code, "resource_exhausted");
  });

  it("lets in what fits, and one job alone however large it is", () => {
    assert.equal(
      refusal({ maxTenantQueued: 3, maxQueuedSeconds: 100 }, { queued: 9, queuedSeconds: 40 }),
      undefined,
    );
    assert.equal(refusal({ maxQueuedSeconds: 100 }, {}, { workSeconds: 1e6 }), undefined);
  });

  it("says when about a place will be free", () => {
    const busy = { queued: 10, queuedSeconds: 600 };
    assert.equal(refusal({}, busy)?.details["retryAfterMs"], 60_000);
    assert.equal(refusal({}, { ...busy, workers: 20 })?.details["retryAfterMs"], 3_000);
    assert.equal(refusal({}, { ...busy, queuedSeconds: 1e9 })?.details["retryAfterMs"], 300_000);
    assert.equal(refusal({ maxTenantRanks: 2 }, {}, { minRanks: 4 })?.details["retryAfterMs"], undefined);
  });
});
