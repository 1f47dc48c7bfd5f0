import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { continuedRegister } from "./continued-register.js";
import { type LeaseRegister, RegisterLease } from "./register-lease.js";
import { MemoryLeaseRegister } from "./testing/memory-lease-register.js";

/** Wins the lease of this register, gives it back, and returns its term. */
async function lead(register: LeaseRegister): Promise<number> {
  const deps = { register, clock: new ManualClock(), log: silentLogger };
  const lease = new RegisterLease(deps, { holder: "a", address: "a:1", leaseMs: 3000 });
  const held = await lease.acquire(neverAborts);
  await held.resign();
  return held.term;
}

describe("a register that continues another one", () => {
  it("has terms above those of the other, which goes on above them in turn", async () => {
    const store = new MemoryLeaseRegister().reach();
    const kubernetes = new MemoryLeaseRegister().reach();
    const terms: number[] = [];
    for (let i = 0; i < 2; i++) {
      terms.push(await lead(store));
      terms.push(await lead(continuedRegister(kubernetes, store)));
      terms.push(await lead(continuedRegister(kubernetes, store)));
    }
    assert.deepEqual(terms, [1, 2, 3, 4, 5, 6]);
  });

  it("does not begin a term that could not be noted", async () => {
    const store = new MemoryLeaseRegister().reach();
    const kubernetes = new MemoryLeaseRegister().reach();
    const lost: LeaseRegister = { ...store, write: async () => undefined };
    const record = { term: 1, holder: "a", address: "a:1" };
    assert.equal(await continuedRegister(kubernetes, lost).write(record, undefined, neverAborts), undefined);
    assert.equal(await kubernetes.read(neverAborts), undefined);
  });
});
