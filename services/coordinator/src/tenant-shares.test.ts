import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@cogfleet/core/testing";
import { ONE_RANK } from "@cogfleet/parallel";
import fc from "fast-check";
import { JobQueue } from "./queue.js";
import { schedule } from "./scheduler.js";
import { TenantShares } from "./tenant-shares.js";
import { sampleQueued } from "./testing/sample-jobs.js";

const MINUTE = 60_000;

/** What a tenant submits: always more than can run, each job for so long. */
interface Demand {
  readonly backlog: number;
  readonly minutes: number;
}

/** Rank-minutes of each tenant on a fleet that always has work, over some hours of virtual time. */
async function play(demands: Readonly<Record<string, Demand>>, workers: number, hours: number) {
  const clock = new ManualClock();
  const shares = new TenantShares(clock);
  const queue = new JobQueue();
  const got = new Map(Object.keys(demands).map((tenant) => [tenant, 0]));
  const busy = new Map<string, { tenant: string; until: number }>();
  let order = 0;
  const ids = Array.from({ length: workers }, (_, i) => `w${i}`);
  for (let minute = 0; minute < 60 * hours; minute++) {
    for (const [id, { tenant, until }] of busy) {
      if (until > minute) continue;
      busy.delete(id);
      shares.changed(tenant, -1);
    }
    for (const [tenant, { backlog }] of Object.entries(demands))
      while (queue.sizeOfTenant(tenant) < backlog) {
        if (queue.sizeOfTenant(tenant) === 0) shares.arrived(tenant);
        queue.add(
          sampleQueued(`${tenant} ${order}`, { tenant, order: order++, createdAt: clock.wallTime() }),
        );
      }
    const idle = ids.filter((id) => !busy.has(id)).map((id) => ({ id, models: ["a"], kin: undefined }));
    const starts = schedule(queue, idle, idle, {
      planFor: (_job, workerIds) => ({ plan: ONE_RANK, workerIds }),
      isGathering: () => false,
      shareOf: (tenant) => shares.shareOf(tenant),
      ranksLeft: () => 100,
    });
    for (const { jobId, workerIds } of starts) {
      queue.remove(jobId);
      const [tenant = "", id] = [jobId.split(" ")[0], workerIds[0] as string];
      busy.set(id, { tenant, until: minute + (demands[tenant]?.minutes ?? 1) });
      shares.changed(tenant, 1);
    }
    for (const { tenant } of busy.values()) got.set(tenant, (got.get(tenant) ?? 0) + 1);
    await clock.advance(MINUTE);
  }
  return got;
}

describe("TenantShares", () => {
  it("gives tenants that always want more equal rank-seconds, whoever submits more or longer jobs", async () => {
    const demand = fc.record({
      backlog: fc.integer({ min: 8, max: 60 }),
      minutes: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(demand, demand, fc.integer({ min: 1, max: 8 }), async (blue, red, workers) => {
        const got = await play({ blue, red }, workers, 8);
        const [of1 = 0, of2 = 0] = got.values();
        const ratio = Math.max(of1, of2) / Math.min(of1, of2);
        assert.ok(ratio < 1.12, `${of1} and ${of2} rank-minutes`);
      }),
      { numRuns: 15 },
    );
  });

  it("leaves nothing idle when only one tenant wants something", async () => {
    const got = await play({ blue: { backlog: 9, minutes: 3 } }, 4, 1);
    assert.equal(got.get("blue"), 4 * 60);
  });

  it("lets nobody save up for later what it did not use", async () => {
    const clock = new ManualClock();
    const shares = new TenantShares(clock);
    shares.changed("blue", 4);
    await clock.advance(60 * MINUTE);
    shares.changed("blue", -4);
    shares.changed("blue", 1);
    shares.arrived("red");
    assert.equal(shares.shareOf("blue") - shares.shareOf("red"), 1, "but for what it holds");
    await clock.advance(MINUTE);
    assert.equal(shares.shareOf("blue") - shares.shareOf("red"), 2);
  });

  it("stays small, however many tenants come and go", async () => {
    const clock = new ManualClock();
    const shares = new TenantShares(clock);
    for (let i = 0; i < 30_000; i++) {
      shares.arrived(`t${i}`);
      shares.changed(`t${i}`, 1);
      shares.changed(`t${i}`, -1);
    }
    assert.ok(shares.size <= 10_001);
  });
});
