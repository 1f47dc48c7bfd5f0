import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { HeldLease, LeaderLease } from "../leader-lease.js";

/** Contenders for one lease that nobody holds. */
export interface LeasesUnderTest {
  /** The address that it leads at is its name. */
  contender(name: string): LeaderLease;
  readonly leaseMs: number;
  /** Lets time pass for all contenders. */
  pass(ms: number): Promise<void>;
  /** Keeps a contender from reaching the others, as a cut cable does. */
  cut(name: string): void;
  close(): Promise<void>;
}

/** What every LeaderLease does that several processes share. */
export function leaderLeaseSuite(name: string, open: () => Promise<LeasesUnderTest>): void {
  describe(`${name} as a LeaderLease`, () => {
    let leases: LeasesUnderTest;
    let giveUp: AbortController;
    const held: HeldLease[] = [];
    beforeEach(async () => {
      leases = await open();
      giveUp = new AbortController();
    });
    afterEach(async () => {
      giveUp.abort(new Error("the test is over"));
      const ends = held.splice(0).map((lease) => lease.resign());
      await leases.pass(2 * leases.leaseMs);
      await Promise.all(ends);
      await leases.close();
    });

    /** Takes part; tells whether it leads by now. */
    function join(lease: LeaderLease): { held(): HeldLease | undefined } {
      let mine: HeldLease | undefined;
      lease.acquire(giveUp.signal).then(
        (won) => {
          mine = won;
          held.push(won);
        },
        () => {},
      );
      return { held: () => mine };
    }

    function leading({ held }: { held(): HeldLease | undefined }): HeldLease {
      const lease = held();
      assert.ok(lease, "it does not lead");
      return lease;
    }

    it("lets the first one lead at once, and tells everybody where", async () => {
      const [a, b] = [leases.contender("a"), leases.contender("b")];
      assert.equal(a.current(), undefined);
      const first = join(a);
      await leases.pass(leases.leaseMs / 3);
      const { term } = leading(first);
      const second = join(b);
      await leases.pass(leases.leaseMs / 2);
      assert.equal(second.held(), undefined);
      const leader = { term, address: "a" };
      assert.deepEqual(a.current(), leader);
      assert.deepEqual(b.current(), leader);
    });

    it("keeps the lease for as long as it is renewed", async () => {
      const first = join(leases.contender("a"));
      await leases.pass(leases.leaseMs / 3);
      const second = join(leases.contender("b"));
      await leases.pass(4 * leases.leaseMs);
      assert.equal(leading(first).lost.aborted, false);
      assert.equal(second.held(), undefined);
    });

    it("passes it on at once when the leader resigns, under a higher term", async () => {
      const first = join(leases.contender("a"));
      await leases.pass(leases.leaseMs / 3);
      const second = join(leases.contender("b"));
      await leases.pass(leases.leaseMs / 3);
      await leading(first).resign();
      await leading(first).resign();
      await leases.pass(leases.leaseMs / 2);
      assert.ok(leading(second).term > leading(first).term);
      assert.ok(leading(first).lost.aborted);
    });

    it("takes over from one that is gone, which takes itself for deposed", async () => {
      const first = join(leases.contender("a"));
      await leases.pass(leases.leaseMs / 3);
      const second = join(leases.contender("b"));
      await leases.pass(leases.leaseMs / 3);
      leases.cut("a");
      await leases.pass(leases.leaseMs / 2);
      assert.equal(second.held(), undefined, "too early");
      await leases.pass(2.5 * leases.leaseMs);
      assert.ok(leading(second).term > leading(first).term);
      assert.ok(leading(first).lost.aborted);
    });

    it("can be won again, with a higher term each time", async () => {
      const lease = leases.contender("a");
      const terms: number[] = [];
      for (let i = 0; i < 3; i++) {
        const mine = join(lease);
        await leases.pass(leases.leaseMs / 3);
        terms.push(leading(mine).term);
        await leading(mine).resign();
        assert.equal(lease.current(), undefined);
      }
      assert.deepEqual(
        terms,
        [...new Set(terms)].sort((a, b) => a - b),
      );
    });

    it("stops waiting when it is told to", async () => {
      const stop = new AbortController();
      join(leases.contender("a"));
      await leases.pass(leases.leaseMs / 3);
      const waiting = leases.contender("b").acquire(stop.signal);
      stop.abort(new Error("enough"));
      await assert.rejects(waiting, /enough/);
      await assert.rejects(leases.contender("c").acquire(AbortSignal.abort(new Error("no"))), /no/);
    });
  });
}
