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
import { FakeWorker } from "../coordinator/fake-worker.js";
import { leaderOf, type Replica, replica, until } from "./service.js";
import { tcpProxy } from "./tcp-proxy.js";

const REQUEST = { prompt: "a red circle", numInferenceSteps: 3 };

describe("faults of a store on NATS", { timeout: 240_000 }, () => {
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

  function fakeWorker(port: number, id: string): FakeWorker {
    const worker = new FakeWorker(port, id);
    ends.push(() => worker.kill());
    return worker;
  }

  it("refuse what a leader writes that was cut off from the store, and count it", async (t) => {
    const nats = await NatsServer.start({ program: natsProgram(), folder: join(folder, "cut") });
    ends.push(() => nats.kill());
    const wire = await tcpProxy(nats.port);
    ends.push(() => wire.close());
    const lease = ["--leader-lease-ms", "1500"];
    const old = await start(`nats://127.0.0.1:${wire.port}`, lease);
    await leaderOf([old]);
    const successor = await start(nats.url, lease);
    const first = fakeWorker(old.port, "first");
    await first.next("welcome");
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
    const second = fakeWorker(successor.port, "second");
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
    const worker = fakeWorker(leader.port, "w");
    await worker.next("welcome");
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
    t.diagnostic(`UNAVAILABLE after ${Math.round(systemClock.now() - askedAt)} ms`);
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
    const worker = fakeWorker(one.port, "w");
    await worker.next("welcome");
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

/** A line of strace has quotes in strings escaped. */
function unescaped(line: string): string {
  return line.replaceAll('\\"', '"');
}
