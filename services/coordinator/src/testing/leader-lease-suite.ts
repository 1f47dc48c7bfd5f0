import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import type { HeldLease, LeaderLease } from "../leader-lease.js";

const PATIENCE_MS = 60_000;

/** Contenders for one lease that nobody holds. */
export interface LeasesUnderTest {
  /** The address that it leads at is its name. */
  contender(name: string): LeaderLease;
  readonly leaseMs: number;
  /** Lets time pass for all contenders. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until it is so: at most `ms` where the clock is ours, for as long as it takes where it is not. */
  passUntil(isSo: () => boolean, ms: number): Promise<void>;
  /** Keeps a contender from reaching the others, as a cut cable does. */
  cut(name: string): void;
  close(): Promise<void>;
}

/** How time passes for leases that go by the system's clock. */
export const realTime: Pick<LeasesUnderTest, "pass" | "passUntil"> = {
  pass: (ms) => systemClock.sleep(ms, AbortSignal.timeout(PATIENCE_MS)),
  passUntil: async (isSo) => {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!isSo()) await systemClock.sleep(20, deadline);
  },
};

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
      let isOver = false;
      const ends = Promise.all(held.splice(0).map((lease) => lease.resign())).then(() => {
        isOver = true;
      });
      await leases.passUntil(() => isOver, 2 * leases.leaseMs);
      await ends;
      await leases.close();
    });

    interface Contender {
      held(): HeldLease | undefined;
    }

    /** Takes part; tells whether it leads by now. */
    function join(lease: LeaderLease): Contender {
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

    /** Its lease, which it has within a part of the lease's time. */
    async function leading({ held }: Contender, part: number): Promise<HeldLease> {
      await leases.passUntil(() => held() !== undefined, part * leases.leaseMs);
      const lease = held();
      assert.ok(lease, "it does not lead");
      return lease;
    }

    /** Whether it takes itself for deposed within a part of the lease's time. */
    async function isDeposed({ lost }: HeldLease, part: number): Promise<boolean> {
      await leases.passUntil(() => lost.aborted, part * leases.leaseMs);
      return lost.aborted;
    }

    it("lets the first one lead at once, and tells everybody where", async () => {
      const [a, b] = [leases.contender("a"), leases.contender("b")];
      assert.equal(a.current(), undefined);
      const { term } = await leading(join(a), 1 / 3);
      const second = join(b);
      await leases.passUntil(() => b.current() !== undefined, leases.leaseMs / 2);
      assert.equal(second.held(), undefined);
      const leader = { term, address: "a" };
      assert.deepEqual(a.current(), leader);
      assert.deepEqual(b.current(), leader);
    });

    it("keeps the lease for as long as it is renewed", async () => {
      const first = await leading(join(leases.contender("a")), 1 / 3);
      const second = join(leases.contender("b"));
      await leases.pass(4 * leases.leaseMs);
      assert.equal(first.lost.aborted, false);
      assert.equal(second.held(), undefined);
    });

    it("passes it on at once when the leader resigns, under a higher term", async () => {
      const first = await leading(join(leases.contender("a")), 1 / 3);
      const b = leases.contender("b");
      const second = join(b);
      await leases.passUntil(() => b.current() !== undefined, leases.leaseMs / 3);
      await first.resign();
      await first.resign();
      const { term } = await leading(second, 1 / 2);
      assert.ok(term > first.term);
      assert.ok(first.lost.aborted);
    });

    it("takes over from one that is gone, which takes itself for deposed", async () => {
      const first = await leading(join(leases.contender("a")), 1 / 3);
      const b = leases.contender("b");
      const second = join(b);
      await leases.passUntil(() => b.current() !== undefined, leases.leaseMs / 3);
      leases.cut("a");
      await leases.pass(leases.leaseMs / 2);
      assert.equal(second.held(), undefined, "too early");
      const { term } = await leading(second, 1.5);
      assert.ok(term > first.term);
      assert.ok(await isDeposed(first, 1.5));
    });

    it("can be won again, with a higher term each time", async () => {
      const lease = leases.contender("a");
      const terms: number[] = [];
      for (let i = 0; i < 3; i++) {
        const mine = await leading(join(lease), 1 / 3);
        terms.push(mine.term);
        await mine.resign();
        assert.equal(lease.current(), undefined);
      }
      assert.deepEqual(
        terms,
        [...new Set(terms)].sort((a, b) => a - b),
      );
    });

    it("stops waiting when it is told to", async () => {
      const stop = new AbortController();
      await leading(join(leases.contender("a")), 1 / 3);
      const waiting = leases.contender("b").acquire(stop.signal);
      stop.abort(new Error("enough"));
      await assert.rejects(waiting, /enough/);
      await assert.rejects(leases.contender("c").acquire(AbortSignal.abort(new Error("no"))), /no/);
    });
  });
}
