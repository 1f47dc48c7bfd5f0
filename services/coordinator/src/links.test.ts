import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LinkTable } from "./links.js";
import { sampleWorker } from "./testing/sample-jobs.js";
import type { Connection } from "./workers.js";

const HOUR_MS = 3_600_000;
const LINK = { bytesPerSecond: 5e8, latencySeconds: 1e-3 };

function idle(id: string, hostname: string, exchangeAddress = `${id}:7071`): Connection {
  return {
    worker: { ...sampleWorker(id), hostname, exchangeAddress },
    link: { send: () => {}, close: () => {} },
    connectedAt: 0,
    assignment: undefined,
    tenant: undefined,
    isDraining: false,
    transformerForm: undefined,
    slowness: 1,
    suspectMs: undefined,
  };
}

/** The pairs that are asked to measure, one after the other, at one moment. */
function asked(links: LinkTable, workers: readonly Connection[], at: number): string[] {
  const pairs: string[] = [];
  for (let probe = links.next(workers, "p", at); probe !== undefined; probe = links.next(workers, "p", at))
    pairs.push(probe.members.map(({ worker }) => worker.id).join(" "));
  return pairs;
}

describe("LinkTable", () => {
  it("knows what is usual until it is told what was measured, by direction", () => {
    const links = new LinkTable();
    assert.ok(links.between("a", "a").bytesPerSecond > links.between("a", "b").bytesPerSecond);
    links.record("a", "b", LINK, 0);
    assert.deepEqual(links.between("a", "b"), LINK);
    assert.notDeepEqual(links.between("b", "a"), LINK);
  });

  it("has one pair measure for each two hosts, and one within a host", () => {
    const workers = [idle("w1", "a"), idle("w2", "a"), idle("w3", "b"), idle("w4", "b"), idle("w5", "c")];
    assert.deepEqual(asked(new LinkTable(), workers, 0), ["w1 w2", "w1 w3", "w1 w5", "w3 w4", "w3 w5"]);
  });

  it("asks only workers that can exchange tensors", () => {
    assert.deepEqual(asked(new LinkTable(), [idle("w1", "a"), idle("w2", "b", "")], 0), []);
  });

  it("tries again a minute after it heard nothing, and an hour after it did; what was measured stays", () => {
    const links = new LinkTable();
    const workers = [idle("w1", "a"), idle("w2", "b")];
    assert.deepEqual(asked(links, workers, 0), ["w1 w2"]);
    assert.deepEqual(asked(links, workers, 59_000), []);
    assert.deepEqual(asked(links, workers, 60_000), ["w1 w2"]);
    links.record("a", "b", LINK, 61_000);
    links.record("b", "a", LINK, 61_000);
    assert.deepEqual(asked(links, workers, 61_000 + HOUR_MS - 1), []);
    assert.deepEqual(asked(links, workers, 61_000 + HOUR_MS), ["w1 w2"]);
    assert.deepEqual(links.between("a", "b"), LINK);
  });
});
