import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import type { HeldLease } from "./leader-lease.js";
import { RegisterLease } from "./register-lease.js";
import { leaderLeaseSuite } from "./testing/leader-lease-suite.js";
import { MemoryLeaseRegister } from "./testing/memory-lease-register.js";

const LEASE_MS = 3_000;
const TICK_MS = 100;
const unreachable = (): never => {
  throw new ClusterError("unavailable", "cut off");
};

leaderLeaseSuite("RegisterLease", async () => {
  const clock = new ManualClock();
  const register = new MemoryLeaseRegister();
  const cut = new Set<string>();
  return {
    leaseMs: LEASE_MS,
    contender: (name) => {
      const fault = () => (cut.has(name) ? unreachable() : undefined);
      const deps = { register: register.reach(fault), clock, log: silentLogger };
      return new RegisterLease(deps, { holder: name, address: name, leaseMs: LEASE_MS });
    },
    pass: (ms) => clock.advance(ms),
    passUntil: async (isSo, ms) => {
      for (const end = clock.now() + ms; !isSo() && clock.now() < end; )
        await clock.advance(Math.min(TICK_MS, end - clock.now()));
    },
    cut: (name) => cut.add(name),
    close: async () => {},
  };
});

/** Two contenders, the first of which leads, and what befalls the way of each to the register. */
async function twoContenders() {
  const clock = new ManualClock();
  const register = new MemoryLeaseRegister();
  const faults = { a: (): "after" | undefined => undefined, b: (): "after" | undefined => undefined };
  const contender = (holder: "a" | "b") => {
    const deps = { register: register.reach(() => faults[holder]()), clock, log: silentLogger };
    return new RegisterLease(deps, { holder, address: holder, leaseMs: LEASE_MS });
  };
  const first = await contender("a").acquire(neverAborts);
  const stop = new AbortController();
  let second: HeldLease | undefined;
  const waiting = contender("b")
    .acquire(stop.signal)
    .then(
      (lease) => {
        second = lease;
      },
      () => {},
    );
  const close = async (): Promise<void> => {
    stop.abort();
    await waiting;
    await first.resign();
    await second?.resign();
  };
  await clock.advance(LEASE_MS);
  return { clock, faults, first, second: () => second, close };
}

describe("RegisterLease", () => {
  it("keeps its leader through a time in which nobody reaches the register", async () => {
    const { clock, faults, first, second, close } = await twoContenders();
    faults.a = faults.b = unreachable;
    await clock.advance(1.5 * LEASE_MS);
    faults.a = faults.b = () => undefined;
    await clock.advance(3 * LEASE_MS);
    assert.equal(first.lost.aborted, false);
    assert.equal(second(), undefined);
    await close();
  });

  it("gives the lease up after two leases without the register", async () => {
    const { clock, faults, first, close } = await twoContenders();
    faults.a = faults.b = unreachable;
    await clock.advance(2 * LEASE_MS);
    await clock.advance(LEASE_MS / 2);
    assert.match(String(first.lost.reason), /term 1 was not renewed for \d+ ms/);
    await close();
  });

  it("knows a renewal of its own whose answer was lost", async () => {
    const { clock, faults, first, second, close } = await twoContenders();
    let lostAnswers = 3;
    faults.a = () => {
      lostAnswers -= 1;
      return lostAnswers >= 0 ? "after" : undefined;
    };
    await clock.advance(4 * LEASE_MS);
    assert.ok(lostAnswers < 0);
    assert.equal(first.lost.aborted, false);
    assert.equal(second(), undefined);
    await close();
  });

  it("notices a successor at its next renewal when it was cut off and is back", async () => {
    const { clock, faults, first, second, close } = await twoContenders();
    faults.a = unreachable;
    await clock.advance(1.5 * LEASE_MS);
    assert.equal(second()?.term, 2);
    faults.a = () => undefined;
    await clock.advance(LEASE_MS / 2);
    assert.match(String(first.lost.reason), /term 1 is over: another one leads, in term 2/);
    await close();
  });
});
