import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, it } from "node:test";
import { NatsServer, natsFolder, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { systemClock } from "@cogfleet/core";
import { readStream } from "@cogfleet/service";
import { askForWork, end, leaderOf, type Replica, replica, until, worker } from "./service.js";

const REQUEST = { prompt: "a red circle moves right", numInferenceSteps: 12, seed: "7" };

describe("several coordinators on one NATS server", { timeout: 240_000 }, () => {
  const { folder, remove } = natsFolder();
  let nats: NatsServer;
  let services = 0;
  let replicas: Replica[] = [];
  let workers: ChildProcess[] = [];
  before(async () => {
    nats = await NatsServer.start({ program: natsProgram(), folder, sync: true });
  });
  afterEach(async () => {
    for (const child of workers) await end(child);
    for (const one of replicas) await one.end("SIGKILL");
    replicas = [];
    workers = [];
  });
  after(async () => {
    await nats.kill();
    remove();
  });

  /** So many coordinators and workers; the first coordinator leads. */
  async function start(coordinators: number, count: number): Promise<void> {
    services += 1;
    for (let i = 0; i < coordinators; i++) {
      replicas.push(await replica(nats.url, `s${services}`));
      if (i === 0) await leaderOf(replicas);
    }
    const ports = replicas.map(({ port }) => port);
    workers = await Promise.all(Array.from({ length: count }, () => worker(ports)));
    const last = replicas.at(-1) as Replica;
    await until("every replica knows the model", async () => {
      const models = await new Promise<number>((resolve, reject) =>
        last.client.listModels({}, (error, response) =>
          error ? reject(error) : resolve(response?.models.length ?? 0),
        ),
      );
      return models > 0;
    });
  }

  async function video(from: Replica, jobId: string): Promise<string> {
    const hash = createHash("sha256");
    const call = from.client.download({ jobId, kind: "ARTIFACT_KIND_VIDEO" });
    for await (const { data } of readStream(call, AbortSignal.timeout(30_000))) hash.update(data);
    return hash.digest("hex");
  }

  it("answer the same, whichever is asked, and send workers to the one that leads", async () => {
    await start(2, 1);
    const [leader, follower] = replicas as [Replica, Replica];
    const job = await follower.submit({ ...REQUEST, numInferenceSteps: 2, idempotencyKey: "k" });
    const again = await leader.submit({ ...REQUEST, numInferenceSteps: 2, idempotencyKey: "k" });
    assert.equal(again.id, job.id);
    const [ofLeader, ofFollower] = await Promise.all([leader.history(job.id), follower.history(job.id)]);
    assert.deepEqual(ofFollower, ofLeader);
    assert.equal(ofLeader.at(-1)?.state, "JOB_STATE_COMPLETED");
    assert.equal(await video(follower, job.id), await video(leader, job.id));
    assert.deepEqual(await askForWork(follower.port), { code: 14, leader: `127.0.0.1:${leader.port}` });
    const seen = await new Promise<string[]>((resolve, reject) =>
      follower.client.listWorkers({}, (error, response) =>
        error ? reject(error) : resolve((response?.workers ?? []).map(({ id }) => id)),
      ),
    );
    assert.equal(seen.length, 1);
    await end(workers.pop() as ChildProcess);
    const queued = await follower.submit(REQUEST);
    await new Promise<void>((resolve, reject) =>
      follower.client.cancel({ jobId: queued.id }, (error) => (error ? reject(error) : resolve())),
    );
    assert.equal((await leader.get(queued.id)).state, "JOB_STATE_CANCELLED");
  });

  it("take over from a leader that is killed in the middle of a job, and recompute no step that was reported", async (t) => {
    await start(2, 2);
    const [leader, follower] = replicas as [Replica, Replica];
    const undisturbed = await follower.submit({ ...REQUEST, parallel: "cfg=1,context=1" });
    await follower.history(undisturbed.id);
    const { id } = await follower.submit({ ...REQUEST, parallel: "cfg=1,context=1" });
    const history = follower.history(id);
    await until("three steps are done", async () => ((await follower.get(id)).progress?.step ?? 0) >= 3);
    await leader.end("SIGKILL");
    const killedAt = systemClock.now();
    await until("the other leads", async () => (await follower.figure("cogfleet_leader")) === 1);
    const ledAfter = systemClock.now() - killedAt;
    await until("the job goes on", async () => (await follower.get(id)).attempts === 2);
    const wentOnAfter = systemClock.now() - killedAt;
    const events = await history;
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
    const steps = events.filter(({ seconds, stage }) => seconds > 0 && stage === "STAGE_DENOISE");
    const reported = steps.map(({ step }) => step);
    assert.deepEqual(reported, [...new Set(reported)], "a step was computed again");
    assert.deepEqual(
      events.map(({ sequence }) => Number(sequence)),
      events.map((_, i) => i + 1),
    );
    assert.equal(await video(follower, id), await video(follower, undisturbed.id));
    t.diagnostic(
      `the other led after ${Math.round(ledAfter)} ms, the job went on after ${Math.round(wentOnAfter)} ms`,
    );
    assert.ok(ledAfter < 15_000, `took over after ${ledAfter} ms`);
  });

  it("hand over at once when the leader is told to end", async (t) => {
    await start(3, 1);
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
    await start(2, 1);
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
