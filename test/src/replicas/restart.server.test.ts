import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { NatsServer, natsFolder, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { systemClock } from "@cogfleet/core";
import { leaderOf, type Replica, type Service, startService, until } from "./service.js";

const REQUEST = { prompt: "a red circle moves right", numInferenceSteps: 12, seed: "7" };

describe("several coordinators whose leader or store is started again", { timeout: 220_000 }, () => {
  const { folder, remove } = natsFolder();
  let nats: NatsServer;
  let services = 0;
  let service: Service | undefined;
  before(async () => {
    nats = await NatsServer.start({ program: natsProgram(), folder, sync: true });
  });
  afterEach(async () => {
    await service?.end();
    service = undefined;
  });
  after(async () => {
    await nats.kill();
    remove();
  });

  async function start(coordinators: number, workers: number): Promise<Service> {
    services += 1;
    service = await startService(nats.url, `s${services}`, { coordinators, workers });
    return service;
  }

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
    let refused = 0;
    const stop = new AbortController();
    const submitting = (async () => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const to = i % 2 === 0 ? leader : follower;
        await to.submit({ ...REQUEST, numInferenceSteps: 1, idempotencyKey: `k${i}` }).then(
          ({ id }) => acknowledged.push(id),
          () => {
            refused += 1;
          },
        );
        await systemClock.sleep(20, AbortSignal.timeout(60_000));
      }
    })();
    await until("some jobs are acknowledged", () => acknowledged.length >= 10);
    await nats.kill();
    await systemClock.sleep(1_000, AbortSignal.timeout(60_000));
    await nats.startAgain();
    const before = acknowledged.length;
    await until("jobs are taken again", () => acknowledged.length >= before + 5);
    stop.abort();
    await submitting;
    assert.equal(new Set(acknowledged).size, acknowledged.length);
    for (const id of acknowledged) {
      const events = await follower.history(id);
      assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED", `job ${id}`);
    }
    assert.ok(refused < acknowledged.length);
  });
});
