import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { Leadership } from "./leadership.js";
import { leadInTurn } from "./leading.js";
import { RegisterLease } from "./register-lease.js";
import { MemoryLeaseRegister } from "./testing/memory-lease-register.js";

const LEASE_MS = 3_000;

/** Coordinators on one register, and what each of them does. */
function service() {
  const clock = new ManualClock();
  const register = new MemoryLeaseRegister();
  const done: string[] = [];
  const cut = new Set<string>();
  const start = (name: string, takeOver: () => Promise<void> = async () => {}) => {
    const fault = (): undefined => {
      if (cut.has(name)) throw new ClusterError("unavailable", "cut off");
    };
    const deps = { register: register.reach(fault), clock, log: silentLogger };
    const lease = new RegisterLease(deps, { holder: name, address: name, leaseMs: LEASE_MS });
    const leadership = new Leadership();
    const note = (what: string): void => void done.push(`${name} ${what} in term ${leadership.term}`);
    const work = {
      takeOver: async () => {
        note("takes over");
        await takeOver();
      },
      watch: (signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
      letGo: () => note("lets go"),
      settled: async () => {},
    };
    const stopping = new AbortController();
    const over = leadInTurn({ lease, leadership, work, clock, log: silentLogger }, stopping.signal);
    const stop = async (): Promise<void> => {
      stopping.abort(new ClusterError("cancelled", "stop"));
      await over;
    };
    return { leadership, stop };
  };
  return { clock, done, cut, start };
}

describe("leadInTurn", () => {
  it("takes over before it leads, writes down what it began when it is told to stop, and hands over", async () => {
    const { clock, done, start } = service();
    const a = start("a");
    await clock.advance(100);
    const b = start("b");
    await clock.advance(2 * LEASE_MS);
    assert.deepEqual([a.leadership.term, b.leadership.term], [1, undefined]);
    await a.stop();
    await clock.advance(LEASE_MS / 2);
    assert.deepEqual([a.leadership.term, b.leadership.term], [undefined, 2]);
    await b.stop();
    assert.deepEqual(done, [
      "a takes over in term 1",
      "a lets go in term 1",
      "b takes over in term 2",
      "b lets go in term 2",
    ]);
  });

  it("writes nothing any more once the lease is lost, and waits for its next turn", async () => {
    const { clock, done, cut, start } = service();
    const a = start("a");
    await clock.advance(100);
    const b = start("b");
    await clock.advance(LEASE_MS);
    cut.add("a");
    await clock.advance(3 * LEASE_MS);
    assert.equal(done.at(-1), "a lets go in term undefined");
    assert.equal(b.leadership.term, 2);
    cut.delete("a");
    await b.stop();
    await clock.advance(LEASE_MS);
    assert.equal(a.leadership.term, 3);
    await a.stop();
  });

  it("lets another one try when it cannot take over", async () => {
    const { clock, start } = service();
    const a = start("a", async () => {
      throw new ClusterError("unavailable", "no store");
    });
    await clock.advance(100);
    const b = start("b");
    await clock.advance(LEASE_MS);
    assert.equal(a.leadership.term, undefined);
    assert.ok(b.leadership.term !== undefined);
    await a.stop();
    await b.stop();
  });
});
