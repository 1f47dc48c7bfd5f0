import assert from "node:assert/strict";
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { oneServer } from "./one-server.js";
import { leaderOf, type Replica, until } from "./service.js";

const REQUEST = { prompt: "a red circle moves right", numInferenceSteps: 60, seed: "7" };

describe("several coordinators whose leader or store is started again", { timeout: 540_000 }, () => {
  const { folder, nats, start, startAgain } = oneServer();

  it("hand over at once when the leader is told to end", async (t) => {
    const { replicas } = await start(3, 1);
    const [leader, ...others] = replicas as [Replica, ...Replica[]];
    const { id } = await leader.submit(REQUEST);
    await until("a step is done", async () => ((await others[0]?.get(id))?.progress?.step ?? 0) >= 1);
    const toldAt = systemClock.now();
    await leader.end("SIGTERM");
    const next = await leaderOf(others);
    t.diagnostic(`another one led ${Math.round(systemClock.now() - toldAt)} ms after SIGTERM`);
    const events = await next.history(id);
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
  });

  it("lose no job when NATS is killed and started again", async () => {
    const { replicas } = await start(2, 1);
    const [leader, follower] = replicas as [Replica, Replica];
    const acknowledged: string[] = [];
    const stop = new AbortController();
    const submitting = (async () => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const to = i % 2 === 0 ? leader : follower;
        await to.submit({ ...REQUEST, numInferenceSteps: 1, idempotencyKey: `k${i}` }).then(
          ({ id }) => acknowledged.push(id),
          () => {}, // NATS is away
        );
        await systemClock.sleep(20, AbortSignal.timeout(60_000));
      }
    })();
    await until("some jobs are acknowledged", () => acknowledged.length >= 10);
    await nats().kill();
    await systemClock.sleep(1_000, AbortSignal.timeout(60_000));
    await nats().startAgain();
    const before = acknowledged.length;
    await until("jobs are taken again", () => acknowledged.length >= before + 5);
    stop.abort();
    await submitting;
    assert.equal(new Set(acknowledged).size, acknowledged.length);
    for (const id of acknowledged) {
      const events = await follower.history(id);
      assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED", `job ${id}`);
    }
  });

  it("end when NATS has lost what it acknowledged, and serve what is left once they are started again", async () => {
    const { replicas } = await start(2, 1);
    const [leader, follower] = replicas as [Replica, Replica];
    const kept = await leader.submit(REQUEST);
    await follower.history(kept.id);
    const [store, copy] = [join(folder, "store"), join(folder, "copy")];
    await nats().kill();
    cpSync(store, copy, { recursive: true });
    await nats().startAgain();
    // Of both: one that has not found NATS again by then never hears of what is lost.
    let lostId = "";
    for (const one of replicas)
      await until("jobs are taken again", async () =>
        one.submit({ ...REQUEST, idempotencyKey: "lost" }).then(
          ({ id }) => {
            lostId = id;
            return true;
          },
          () => false,
        ),
      );
    await nats().kill();
    rmSync(store, { recursive: true });
    renameSync(copy, store);
    await nats().startAgain();
    for (const one of replicas) {
      await until("it has ended", () => one.exitCode() !== null);
      assert.equal(one.exitCode(), 1);
      const why = one.lines().filter((line) => line.startsWith("coordinator: "));
      assert.match(why.join(), /^coordinator: NATS lost what it had acknowledged/);
    }
    const again = await startAgain();
    assert.equal((await again.get(kept.id)).state, "JOB_STATE_COMPLETED");
    await assert.rejects(again.get(lostId), /there is no job/);
    await again.end("SIGKILL");
  });
});
