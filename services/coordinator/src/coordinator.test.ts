import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type Logger, silentLogger } from "@cogfleet/core";
import { countingRandom, ManualClock } from "@cogfleet/core/testing";
import type { ModelFacts } from "@cogfleet/model";
import { openCoordinator } from "./coordinator.js";
import { Leadership } from "./leadership.js";
import { MemoryBlobStore } from "./memory-blob-store.js";
import { MemoryJobStore } from "./memory-job-store.js";
import type { Observer } from "./observer.js";
import { MemoryLeaseRegister } from "./testing/memory-lease-register.js";
import { sampleModel } from "./testing/sample-jobs.js";

const CONFIG = {
  leaseMs: 3_000,
  maxQueued: 10,
  maxQueuedSeconds: 0,
  maxTenantQueued: 0,
  maxTenantRanks: 0,
  maxAttempts: 3,
  retainHours: 1,
  retainJobs: 10,
};

describe("a coordinator that follows another", () => {
  it("goes on learning of models after the store did not answer, and says once that it did not", async () => {
    const lines: string[] = [];
    const write = (_fields: object, line: string): unknown => lines.push(line);
    const log: Logger = { ...silentLogger, info: write, warn: write };
    const clock = new ManualClock();
    let stored: readonly ModelFacts[] | undefined = [];
    const models = {
      all: async () => {
        if (stored === undefined) throw new ClusterError("unavailable", "no store");
        return stored;
      },
      put: async () => {},
    };
    const shared = {
      lease: new MemoryLeaseRegister().reach(),
      board: { show: async () => {}, workers: () => [] },
    };
    const stores = { jobs: new MemoryJobStore(), blobs: new MemoryBlobStore(), models, shared };
    const observer = new Proxy({}, { get: () => () => {} }) as Observer; // nobody looks at it
    const coordinator = await openCoordinator(
      { stores, leadership: new Leadership(), observer, clock, random: countingRandom(), log },
      CONFIG,
    );
    const stop = new AbortController();
    const following = coordinator.follow(stop.signal);
    following.catch(() => {}); // looked at below
    stored = undefined;
    await clock.advance(30_000);
    stored = [sampleModel()];
    await clock.advance(10_000);
    assert.deepEqual(
      coordinator.models.all().map(({ name }) => name),
      ["demo"],
    );
    assert.deepEqual(lines, [
      "models were not compared with the store",
      "models are compared with the store again",
    ]);
    stop.abort();
    await following;
  });
});
