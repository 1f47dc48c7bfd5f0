import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import type { House } from "./testing/house.js";
import { assignOf, together } from "./testing/peers.js";

describe("a group that hangs, or seems to", () => {
  it("ends an attempt that makes no step for ten seconds, and goes on without whoever does not let go", async () => {
    const { house, job, first, others } = await together(2);
    await first.step(1);
    for (let second = 0; second < 12; second++) {
      await house.clock.advance(500);
      for (const worker of [first, ...others]) await worker.report({ kind: "heartbeat" });
      house.fleet.tick();
      await house.clock.advance(500);
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "queued");
    assert.match(
      (await house.events(job.id)).at(-1)?.message ?? "",
      /no step for 1\d\.\d s, where one takes 1\.0 s/,
    );
    await first.fail(true, "cancelled");
    for (let tick = 0; tick < 8; tick++) {
      await house.clock.advance(300);
      for (const worker of [first, ...others]) await worker.report({ kind: "heartbeat" });
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "running");
    assert.equal(assignOf(first).epoch, 2);
  });

  describe("while the stores", () => {
    /** One step is done; the next is handed in while the stores are away, every half second until it is stored. */
    async function handingIn(leave: (house: House) => () => void) {
      const { house, job, first, others } = await together(2);
      await first.storeStep(1);
      const comeBack = leave(house);
      let isOver = false;
      const handIn = async (): Promise<void> => {
        while (!isOver) {
          const stored = await first.storeStep(2).then(
            () => true,
            () => false,
          );
          if (stored) return;
          await house.clock.sleep(500, neverAborts);
        }
      };
      const handedIn = handIn();
      const pass = async (seconds: number): Promise<void> => {
        for (let tick = 0; tick < 4 * seconds; tick++) {
          await house.clock.advance(250);
          for (const worker of [first, ...others]) await worker.session.receive({ kind: "heartbeat" });
          house.fleet.tick();
        }
      };
      const stateNow = async () => (await house.jobs.get(job.id, neverAborts)).state.kind;
      await pass(15);
      assert.equal(await stateNow(), "running");
      comeBack();
      await pass(1);
      const { attempts, checkpoint } = await house.jobs.get(job.id, neverAborts);
      assert.deepEqual([attempts, checkpoint?.step], [1, 2]);
      await pass(8);
      assert.equal(await stateNow(), "running", "counted from when they were back");
      isOver = true;
      await pass(4);
      await handedIn;
      assert.equal(await house.state(job.id), "queued", "a rank hangs");
    }

    function away(): { readonly back: Promise<void>; readonly comeBack: () => void } {
      let comeBack = (): void => {};
      const back = new Promise<void>((resolve) => {
        comeBack = resolve;
      });
      return { back, comeBack };
    }

    it("take fifteen seconds for a state, is not taken for hung", () =>
      handingIn(({ blobs }) => {
        const { put } = blobs;
        const { back, comeBack } = away();
        blobs.put = async (...args) => {
          await back;
          await put.apply(blobs, args);
        };
        return comeBack;
      }));

    it("are away for fifteen seconds, is not taken for hung", () =>
      handingIn(({ blobs }) => {
        const { put } = blobs;
        blobs.put = () => Promise.reject(new ClusterError("unavailable", "the store is away"));
        return () => {
          blobs.put = put;
        };
      }));

    it("take fifteen seconds for a report, is not taken for hung", () =>
      handingIn(({ store }) => {
        const { update } = store;
        const { back, comeBack } = away();
        store.update = async (...args) => {
          await back;
          return update.apply(store, args);
        };
        return comeBack;
      }));
  });

  it("goes on without a worker whose graph does not return, though it let go, until it does", async () => {
    const { house, job, first, others } = await together(2);
    const [hung] = others;
    assert.ok(hung);
    await first.step(1);
    const pass = async (seconds: number, runSeconds: (second: number) => number): Promise<void> => {
      for (let second = 1; second <= seconds; second++) {
        await house.clock.advance(1_000);
        await first.report({ kind: "heartbeat" });
        await hung.report({ kind: "heartbeat", runSeconds: runSeconds(second) });
        for (let tick = 0; tick < 4; tick++) house.fleet.tick();
      }
    };
    for (let ran = 1; ran < 20 && (await house.state(job.id)) === "running"; ran += 0.6)
      await pass(1, () => ran);
    assert.equal(await house.state(job.id), "queued");
    for (const worker of [first, hung]) await worker.fail(true, "cancelled");
    await pass(1, () => 12);
    assert.equal(await house.state(job.id), "queued", "it may be any of them");
    await pass(4, () => 12);
    assert.equal(await house.state(job.id), "running");
    assert.deepEqual(assignOf(first).peers, [{ id: "w0", exchangeAddress: "w0:1" }]);
    const next = await house.submit();
    await pass(3, (second) => 12 + second);
    assert.equal(await house.state(next.id), "queued");
    await pass(1, () => 0);
    assert.equal(await house.state(next.id), "running");
    assert.equal(hung.assignment.jobId, next.id);
  });

  it("ends an attempt whose rank 0 stops in the middle of handing a step in", async () => {
    const { house, job, first, others } = await together(2);
    await first.storeStep(1);
    let isSending = true;
    async function* stuck(): AsyncGenerator<Uint8Array> {
      while (isSending) await house.clock.sleep(1_000, neverAborts);
      yield Uint8Array.of(2);
    }
    const state = { step: 2, bytes: 1, sha256: "0".repeat(64) };
    const put = house.fleet.putCheckpoint(first.assignment, state, stuck(), neverAborts);
    const refused = assert.rejects(put, { code: "data_loss" });
    for (let tick = 0; tick < 48; tick++) {
      await house.clock.advance(250);
      for (const worker of [first, ...others]) await worker.session.receive({ kind: "heartbeat" });
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "queued");
    isSending = false;
    await house.clock.advance(1_000);
    await refused;
  });

  it("ends an attempt one of whose graphs runs far longer than it should, in any stage, and tries without it", async () => {
    const { house, job, first, others } = await together(2);
    await first.report({ kind: "stage_started", ...first.assignment, stage: "decode", warnings: [] });
    const beat = async (runSeconds: number): Promise<string> => {
      await first.report({ kind: "heartbeat" });
      await others[0]?.report({ kind: "heartbeat", runSeconds });
      house.fleet.tick();
      return house.state(job.id);
    };
    assert.equal(await beat(119), "running");
    assert.equal(await beat(121), "queued");
    assert.match(
      (await house.events(job.id)).at(-1)?.message ?? "",
      /worker w1 has run a graph for 121.0 s that should take \d+\.\d s at most/,
    );
    assert.ok(house.noted.includes("noticed by stall after 121.0 s"), house.noted.join());
    await first.fail(true, "cancelled");
    for (let tick = 0; tick < 8; tick++) {
      await house.clock.advance(300);
      await beat(122);
    }
    assert.equal(await house.state(job.id), "running");
    assert.deepEqual(assignOf(first).peers, [{ id: "w0", exchangeAddress: "w0:1" }]);
  });
});
