import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import {
  NatsServer,
  natsCluster,
  natsFolder,
  natsProgram,
} from "@cogfleet/coordinator/testing/nats-servers.js";
import { ClusterError, neverAborts, systemClock } from "@cogfleet/core";
import { callUnary } from "@cogfleet/service";
import { Client, credentials } from "@grpc/grpc-js";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { wireTo } from "../faults/wire.js";
import { leaderOf, type Replica, replica, until } from "./service.js";

/** A HealthCheckResponse on the wire: its status is field 1. */
const SERVING = Buffer.of(0x08, 1);
const NOT_SERVING = Buffer.of(0x08, 2);
/** A client of the command line gives up after ten seconds. */
const REFUSED_MS = 6_000;
/** Of an outage that is over before anyone has to go elsewhere. */
const BLIP_MS = 4_000;
const REQUEST = { prompt: "a red circle", numInferenceSteps: 3 };

describe("faults of a store on NATS", { timeout: 540_000 }, () => {
  const { folder, remove } = natsFolder();
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });
  after(remove);

  async function start(url: string, more: readonly string[] = []): Promise<Replica> {
    const one = await replica(url, "s", more);
    ends.push(() => one.end("SIGKILL"));
    return one;
  }

  /** Dials until it is let in: who leads takes up what is stored first. */
  async function fakeWorker(port: number, id: string): Promise<FakeWorker> {
    for (;;) {
      const worker = new FakeWorker(port, id);
      ends.push(() => worker.kill());
      try {
        await worker.next("welcome");
        return worker;
      } catch (reason) {
        if (ClusterError.from(reason).code !== "unavailable") throw reason;
        await systemClock.sleep(50, neverAborts);
      }
    }
  }

  it("refuse what a leader writes that was cut off from the store, and count it", async (t) => {
    const nats = await NatsServer.start({ program: natsProgram(), folder: join(folder, "cut") });
    ends.push(() => nats.kill());
    const host = "127.0.0.1";
    const wire = await wireTo(t, { host, port: nats.port }, { host, port: 0 });
    const lease = ["--leader-lease-ms", "1500"];
    const old = await start(`nats://127.0.0.1:${wire.port}`, lease);
    await leaderOf([old]);
    const successor = await start(nats.url, lease);
    const first = await fakeWorker(old.port, "first");
    const { id } = await old.submit(REQUEST);
    const { jobId, epoch } = await first.next("assign");
    first.send({ stepDone: { jobId, epoch, step: 1, seconds: 1 } });
    await until("the first step is written down", async () => {
      return ((await successor.get(id)).progress?.step ?? 0) === 1;
    });

    wire.hold();
    const cutAt = systemClock.now();
    // Each waits for the store: some of them until the wire is whole again.
    for (let i = 0; i < 12; i++) first.send({ stepDone: { jobId, epoch, step: 2, seconds: 1 } });
    await until("the successor leads", async () => (await successor.figure("cogfleet_leader")) === 1);
    t.diagnostic(`the successor led ${Math.round(systemClock.now() - cutAt)} ms after the cut`);
    const second = await fakeWorker(successor.port, "second");
    const assigned = await second.next("assign");
    assert.equal(assigned.jobId, id);
    await second.perform(assigned, Buffer.from("the successor's video"));
    await until("the job is done", async () => (await successor.get(id)).state === "JOB_STATE_COMPLETED");
    wire.release();

    await until("what the old leader writes is refused", async () => {
      return (await old.figure("cogfleet_fenced_writes_total")) > 0;
    });
    await until("it leads no more", async () => (await old.figure("cogfleet_leader")) === 0);
    const events = await successor.history(id);
    assert.deepEqual(
      events.map(({ sequence }) => Number(sequence)),
      events.map((_, i) => i + 1),
    );
    const again = events.findIndex(({ message }) => message.startsWith("queued again"));
    assert.ok(events.slice(0, again).every(({ workerIds }) => !workerIds.includes("second")));
    assert.ok(events.slice(again + 1).every(({ workerIds }) => workerIds.includes("second")));
    assert.equal(events.filter(({ state }) => state === "JOB_STATE_COMPLETED").length, 1);
    t.diagnostic(`refused: ${await old.figure("cogfleet_fenced_writes_total")} writes of the old leader`);
  });

  it("never lose what was acknowledged when two of three servers go, and say UNAVAILABLE until they are back", async (t) => {
    const cluster = await natsCluster(natsProgram(), join(folder, "cluster"));
    ends.push(() => Promise.all(cluster.map((server) => server.kill())));
    const urls = cluster.map(({ url }) => url).join(",");
    const one = await start(urls, ["--nats-replicas", "3"]);
    const leader = await leaderOf([one]);
    await fakeWorker(leader.port, "w");
    const keys = new Map<string, string>();
    const submit = async (key: string): Promise<void> => {
      keys.set(key, (await one.submit({ ...REQUEST, idempotencyKey: key })).id);
    };
    for (let i = 0; i < 10; i++) await submit(`before ${i}`);
    const [, second, third] = cluster as [NatsServer, NatsServer, NatsServer];
    await second.kill();
    await until("one may go", async () =>
      submit("two left").then(
        () => true,
        () => false,
      ),
    );
    await third.kill();
    const askedAt = systemClock.now();
    await assert.rejects(submit("one left"), (reason) => {
      return reason instanceof ClusterError && reason.code === "unavailable";
    });
    const refusedMs = Math.round(systemClock.now() - askedAt);
    t.diagnostic(`UNAVAILABLE after ${refusedMs} ms`);
    assert.ok(refusedMs < REFUSED_MS, `refused after ${refusedMs} ms`);
    await until("nobody leads", async () => (await one.figure("cogfleet_leader")) === 0);
    t.diagnostic(`it led no more ${Math.round(systemClock.now() - askedAt)} ms after it was asked`);
    await Promise.all([second.startAgain(), third.startAgain()]);
    await until("jobs are taken again", async () =>
      submit("one left").then(
        () => true,
        () => false,
      ),
    );
    for (const [key, id] of keys) {
      assert.equal((await one.get(id)).id, id, key);
      const again = await one.submit({ ...REQUEST, idempotencyKey: key });
      assert.equal(again.id, id, key);
    }
  });

  it("make leader and follower unready while NATS is away for long, not while it is started again", async (t) => {
    const nats = await NatsServer.start({ program: natsProgram(), folder: join(folder, "away") });
    ends.push(() => nats.kill());
    const replicas = [await start(nats.url), await start(nats.url)];
    await leaderOf(replicas);
    const answers = () =>
      Promise.all(
        replicas.map(async ({ httpPort }) => (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).text()),
      );
    const areReady = async (): Promise<boolean> =>
      (await answers()).every((answer) => answer === '{"status":"ready"}');
    const serving = () => Promise.all(replicas.map(({ port }) => isServing(port)));
    assert.ok(await areReady());
    assert.deepEqual(await serving(), [true, true]);
    await nats.kill();
    for (const until = systemClock.now() + BLIP_MS; systemClock.now() < until; ) {
      assert.ok(await areReady(), "not ready at once");
      await systemClock.sleep(200, neverAborts);
    }
    await nats.startAgain();
    await until("both have heard of it", async () => {
      const figures = await Promise.all(replicas.map((one) => one.figure("cogfleet_store_up")));
      return figures.every((up) => up === 1);
    });
    assert.ok(await areReady());

    await nats.kill();
    const goneAt = systemClock.now();
    await until("neither is ready", async () =>
      (await answers()).every((answer) => /the job store has not answered for \d+ s/.test(answer)),
    );
    t.diagnostic(`not ready after ${Math.round(systemClock.now() - goneAt)} ms`);
    await until("neither is serving", async () => !(await serving()).includes(true));
    await nats.startAgain();
    const backAt = systemClock.now();
    await until("both are ready", areReady);
    t.diagnostic(`ready ${Math.round(systemClock.now() - backAt)} ms after NATS was back`);
    await until("both are serving", async () => !(await serving()).includes(false));
  });

  it("are none to a power cut with sync_interval: always: a job is on the disk before it is acknowledged", async () => {
    const trace = join(folder, "trace");
    const wrapper = [
      "strace",
      "-f",
      "-s",
      "400",
      "-e",
      "trace=fsync,fdatasync,write,pwrite64,writev",
      "-o",
      trace,
    ];
    const place = join(folder, "power");
    const nats = await NatsServer.start({ program: natsProgram(), folder: place, sync: true, wrapper });
    ends.push(() => nats.kill());
    const one = await start(nats.url);
    await leaderOf([one]);
    const worker = await fakeWorker(one.port, "w");
    worker.kill();
    const { id } = await one.submit(REQUEST);
    await until("the trace is written", () => readFileSync(trace, "utf8").includes(`job.${id}`));
    await systemClock.sleep(500, neverAborts);
    const lines = readFileSync(trace, "utf8").split("\n");
    const stored = lines.findIndex(
      (line) => line.includes(`job.${id}`) && /write/.test(line) && !line.includes("+ACK"),
    );
    const acknowledged = lines.findIndex(
      (line, i) => i > stored && /"stream":\s*"KV_s_jobs",\s*"seq"/.test(unescaped(line)),
    );
    const synced = lines.findIndex((line, i) => i > stored && /(fsync|fdatasync).*= 0/.test(line));
    assert.ok(stored >= 0 && acknowledged > 0, "the trace shows neither the write nor its acknowledgement");
    assert.ok(synced > stored && synced < acknowledged, lines.slice(stored, acknowledged + 1).join("\n"));
  });
});

/** Whether a gRPC health check of the whole server says SERVING. */
async function isServing(port: number): Promise<boolean> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const bytes = (data: Buffer): Buffer => data;
  const path = "/grpc.health.v1.Health/Check";
  try {
    const answer = await callUnary<Buffer>(
      (done) => client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), done),
      neverAborts,
    );
    assert.ok(answer.equals(SERVING) || answer.equals(NOT_SERVING), answer.toString("hex"));
    return answer.equals(SERVING);
  } finally {
    client.close();
  }
}

/** A line of strace has quotes in strings escaped. */
function unescaped(line: string): string {
  return line.replaceAll('\\"', '"');
}
