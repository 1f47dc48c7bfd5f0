import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { eventOf, type Job } from "../job.js";
import type { JobQuery, JobStore, StoredJob } from "../job-store.js";
import { sampleJob } from "./sample-jobs.js";

const ALL: JobQuery = { states: [], labels: {}, before: undefined, limit: 100 };

/** An empty store. */
export interface StoreUnderTest {
  readonly store: JobStore;
  close(): Promise<void>;
  /** Ends the store and opens what it left behind; only where something outlives it. */
  reopen?(): Promise<JobStore>;
}

/** What every JobStore does. */
export function jobStoreSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a JobStore`, () => {
    let opened: StoreUnderTest;
    let store: JobStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    async function add(id: string, request: Parameters<typeof sampleJob>[1] = {}): Promise<StoredJob> {
      const { job, event } = sampleJob(id, request);
      return (await store.create(job, [event], neverAborts)).stored;
    }

    /** Any change: the next event says so. */
    function changed(job: Job, over: Partial<Job> = {}): Job {
      return { ...job, ...over, lastSequence: job.lastSequence + 1 };
    }

    it("returns what was stored", async () => {
      const stored = await add("a", { labels: { who: "me" } });
      assert.deepEqual(await store.get("a", neverAborts), stored);
      assert.deepEqual(stored.job.request.labels, { who: "me" });
      assert.equal(await store.get("b", neverAborts), undefined);
    });

    it("refuses an id twice", async () => {
      await add("a");
      await assert.rejects(
        add("a"),
        (error) => error instanceof ClusterError && error.code === "already_exists",
      );
    });

    it("keeps the order of submission, also for jobs that were changed later", async () => {
      const first = await add("a");
      const second = await add("b");
      assert.ok(first.order < second.order);
      const updated = await store.update(changed(first.job), first.revision, [], neverAborts);
      assert.equal(updated?.order, first.order);
    });

    it("finds the job of an idempotency key, and creates no second one", async () => {
      const first = await add("a", { idempotencyKey: "k" });
      const { job, event } = sampleJob("b", { idempotencyKey: "k" });
      const again = await store.create(job, [event], neverAborts);
      assert.equal(again.isNew, false);
      assert.deepEqual(again.stored, first);
      assert.equal(await store.get("b", neverAborts), undefined);
      assert.deepEqual(await store.findByIdempotencyKey("default", "k", neverAborts), first);
      assert.equal(await store.findByIdempotencyKey("default", "other", neverAborts), undefined);
    });

    it("keeps the idempotency keys of tenants apart", async () => {
      const first = await add("a", { idempotencyKey: "k" });
      const other = await add("b", { idempotencyKey: "k", tenant: "blue" });
      assert.equal(other.job.id, "b");
      assert.deepEqual(await store.findByIdempotencyKey("default", "k", neverAborts), first);
      assert.deepEqual(await store.findByIdempotencyKey("blue", "k", neverAborts), other);
      assert.equal(await store.findByIdempotencyKey("red", "k", neverAborts), undefined);
      await store.delete("b", neverAborts);
      assert.equal(await store.findByIdempotencyKey("blue", "k", neverAborts), undefined);
      assert.deepEqual(await store.findByIdempotencyKey("default", "k", neverAborts), first);
    });

    it("creates one job when many come with one key at once", async () => {
      const storm = Array.from({ length: 20 }, (_, i) => {
        const { job, event } = sampleJob(`j${i}`, { idempotencyKey: "k" });
        return store.create(job, [event], neverAborts);
      });
      const results = await Promise.all(storm);
      assert.equal(results.filter((result) => result.isNew).length, 1);
      assert.equal(new Set(results.map((result) => result.stored.job.id)).size, 1);
      assert.equal((await store.list(ALL, neverAborts)).length, 1);
    });

    it("writes record and events together, and only over the revision that was read", async () => {
      const stored = await add("a");
      const one = changed(stored.job, { warnings: ["one"] });
      const two = changed(stored.job, { warnings: ["two"] });
      const written = await store.update(one, stored.revision, [eventOf(one, 1)], neverAborts);
      assert.deepEqual(written?.job, one);
      assert.equal(await store.update(two, stored.revision, [eventOf(two, 1)], neverAborts), undefined);
      assert.deepEqual((await store.get("a", neverAborts))?.job.warnings, ["one"]);
      assert.deepEqual(
        (await store.events("a", 0, 10, neverAborts)).map((event) => event.sequence),
        [1, 2],
      );
    });

    it("lets one of many writers win each round", async () => {
      const stored = await add("a");
      const writers = Array.from({ length: 10 }, (_, i) => {
        const job = changed(stored.job, { warnings: [`w${i}`] });
        return store.update(job, stored.revision, [eventOf(job, 1)], neverAborts);
      });
      const won = (await Promise.all(writers)).filter((result) => result !== undefined);
      assert.equal(won.length, 1);
      assert.deepEqual((await store.get("a", neverAborts))?.job, won[0]?.job);
    });

    it("recalls nothing but versions that were stored", async () => {
      assert.equal(store.recall("a"), undefined);
      const versions = [await add("a")];
      for (let i = 0; i < 3; i++) {
        const last = versions.at(-1) as StoredJob;
        const written = await store.update(changed(last.job), last.revision, [], neverAborts);
        assert.ok(written);
        versions.push(written);
        const recalled = store.recall("a");
        const same = versions.find(({ revision }) => revision === recalled?.revision);
        assert.deepEqual(recalled, same);
      }
      await store.delete("a", neverAborts);
      const gone = store.recall("a");
      if (gone !== undefined)
        assert.equal(await store.update(changed(gone.job), gone.revision, [], neverAborts), undefined);
    });

    it("gives events after a sequence number, a page at a time", async () => {
      let stored = await add("a");
      for (let i = 0; i < 5; i++) {
        const job = changed(stored.job);
        const written = await store.update(job, stored.revision, [eventOf(job, i)], neverAborts);
        assert.ok(written);
        stored = written;
      }
      const sequences = async (after: number, limit: number): Promise<number[]> =>
        (await store.events("a", after, limit, neverAborts)).map((event) => event.sequence);
      assert.deepEqual(await sequences(0, 2), [1, 2]);
      assert.deepEqual(await sequences(2, 100), [3, 4, 5, 6]);
      assert.deepEqual(await sequences(6, 100), []);
      assert.deepEqual(await sequences(Number.POSITIVE_INFINITY, 100), []);
      assert.deepEqual(await store.events("none", 0, 100, neverAborts), []);
    });

    it("lists newest first, by page, state, labels and tenant", async () => {
      await add("a", { labels: { team: "x", env: "test" } });
      const b = await add("b", { labels: { team: "x" } });
      await add("c", { tenant: "t" });
      await store.update(changed(b.job, { state: { kind: "cancelled" } }), b.revision, [], neverAborts);
      const ids = async (query: Partial<JobQuery>): Promise<string[]> =>
        (await store.list({ ...ALL, ...query }, neverAborts)).map(({ job }) => job.id);
      assert.deepEqual(await ids({}), ["c", "b", "a"]);
      assert.deepEqual(await ids({ limit: 2 }), ["c", "b"]);
      assert.deepEqual(await ids({ before: b.order }), ["a"]);
      assert.deepEqual(await ids({ states: ["cancelled"] }), ["b"]);
      assert.deepEqual(await ids({ states: ["cancelled", "queued"] }), ["c", "b", "a"]);
      assert.deepEqual(await ids({ labels: { team: "x" } }), ["b", "a"]);
      assert.deepEqual(await ids({ labels: { team: "x", env: "test" } }), ["a"]);
      assert.deepEqual(await ids({ tenant: "t" }), ["c"]);
      assert.deepEqual(await ids({ tenant: "none" }), []);
    });

    it("forgets a deleted job, its events and its key", async () => {
      const stored = await add("a", { idempotencyKey: "k" });
      await store.delete("a", neverAborts);
      await store.delete("a", neverAborts);
      assert.equal(await store.get("a", neverAborts), undefined);
      assert.deepEqual(await store.events("a", 0, 10, neverAborts), []);
      assert.equal(await store.findByIdempotencyKey("default", "k", neverAborts), undefined);
      assert.equal(await store.update(changed(stored.job), stored.revision, [], neverAborts), undefined);
    });

    it("tells of changes until it is asked to stop", async () => {
      const stored = await add("a");
      let heard = 0;
      const stop = store.onChange("a", () => {
        heard += 1;
      });
      const updated = await store.update(changed(stored.job), stored.revision, [], neverAborts);
      assert.ok(updated && heard > 0);
      stop();
      heard = 0;
      await store.update(changed(updated.job), updated.revision, [], neverAborts);
      assert.equal(heard, 0);
    });

    it("tells of all jobs as they are stored, in order, before the change is acknowledged", async () => {
      const heard: (readonly [string, number | undefined])[] = [];
      const stop = store.onAnyChange((id, stored) => heard.push([id, stored?.job.lastSequence]));
      const a = await add("a");
      assert.deepEqual(heard.at(-1), ["a", 1]);
      await store.update(changed(a.job), a.revision, [], neverAborts);
      assert.deepEqual(heard.at(-1), ["a", 2]);
      await add("b");
      await store.delete("a", neverAborts);
      await store.caughtUp(neverAborts);
      assert.deepEqual(
        heard.filter(([id]) => id === "a"),
        [
          ["a", 1],
          ["a", 2],
          ["a", undefined],
        ],
      );
      assert.ok(heard.some(([id]) => id === "b"));
      stop();
      heard.length = 0;
      await add("c");
      assert.deepEqual(heard, []);
    });

    it("keeps jobs, order, events and keys when it is opened again", async (t) => {
      if (opened.reopen === undefined) return t.skip("nothing outlives this store");
      const a = await add("a", { idempotencyKey: "k", labels: { who: "me" } });
      const b = await add("b");
      const changedA = changed(a.job, { state: { kind: "running", isCancelAsked: false } });
      const updated = await store.update(changedA, a.revision, [eventOf(changedA, 7)], neverAborts);
      const events = await store.events("a", 0, 10, neverAborts);
      await add("gone");
      await store.delete("gone", neverAborts);

      store = await opened.reopen();
      assert.deepEqual(await store.list(ALL, neverAborts), [b, updated]);
      assert.deepEqual(await store.list({ ...ALL, states: ["running"] }, neverAborts), [updated]);
      assert.deepEqual(await store.get("a", neverAborts), updated);
      assert.deepEqual(await store.events("a", 0, 10, neverAborts), events);
      assert.deepEqual(await store.findByIdempotencyKey("default", "k", neverAborts), updated);
      const { job, event } = sampleJob("c", { idempotencyKey: "k" });
      assert.equal((await store.create(job, [event], neverAborts)).isNew, false);
      assert.equal(await store.update(changedA, a.revision, [], neverAborts), undefined, "an old revision");
    });

    it("never gives the place of a job in the order to another", async () => {
      const first = await add("a");
      await store.delete("a", neverAborts);
      store = (await opened.reopen?.()) ?? store;
      const second = await add("b");
      assert.ok(second.order > first.order);
    });

    it("creates many jobs at once, each with its own place in the order", async () => {
      const made = await Promise.all(Array.from({ length: 200 }, (_, i) => add(`j${i}`)));
      assert.equal(new Set(made.map(({ order }) => order)).size, 200);
      const pages = [];
      for (let before: number | undefined; ; ) {
        const page = await store.list({ ...ALL, before, limit: 64 }, neverAborts);
        pages.push(page.length);
        if (page.length < 64) break;
        before = page.at(-1)?.order;
      }
      assert.deepEqual(pages, [64, 64, 64, 8]);
    });

    it("does nothing for a signal that has aborted", async () => {
      const { job, event } = sampleJob("a");
      const aborted = AbortSignal.abort(new Error("enough"));
      await assert.rejects(store.create(job, [event], aborted), /enough/);
      assert.equal(await store.get("a", neverAborts), undefined);
    });
  });
}
