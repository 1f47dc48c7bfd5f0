import assert from "node:assert/strict";
import { it } from "node:test";
import { ClusterError, type Logger, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { FleetView } from "./fleet-view.js";
import { sampleWorker } from "./testing/sample-jobs.js";
import { WorkerRegistry } from "./workers.js";

it("shows its workers to others, again when that failed, and says once that it did", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const write = (_fields: object, line: string): unknown => lines.push(line);
  const log: Logger = { ...silentLogger, info: write, warn: write };
  const workers = new WorkerRegistry(clock, { leaseMs: 3_000 });
  const shown: string[][] = [];
  let isAway = true;
  const board = {
    show: async (views: readonly { readonly id: string }[]) => {
      if (isAway) throw new ClusterError("unavailable", "no store");
      shown.push(views.map(({ id }) => id));
    },
    workers: () => [],
  };
  const view = new FleetView({ workers, leadership: { term: 1 }, board, maxTenantRanks: 0, clock, log });
  const stop = new AbortController();
  const sharing = view.share(stop.signal);
  workers.connect(sampleWorker("a"), { send: () => {}, close: () => {} });
  await clock.advance(30_000);
  isAway = false;
  await clock.advance(10_000);
  assert.deepEqual(shown, [["a"]]);
  workers.connect(sampleWorker("b"), { send: () => {}, close: () => {} });
  await clock.advance(1_000);
  assert.deepEqual(shown, [["a"], ["a", "b"]]);
  assert.deepEqual(lines, ["workers were not shown to others", "workers are shown to others again"]);
  stop.abort();
  await sharing;
});
