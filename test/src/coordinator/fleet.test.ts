import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { fleetApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials, status } from "@grpc/grpc-js";
import { fakeModel } from "./fake-worker.js";
import { type TestCoordinator, withCoordinator } from "./in-process.js";

const VIDEO = Buffer.from("a video of a red circle");

/** The events of a job from the start until one fulfils the condition. */
async function eventsUntil(
  { client }: TestCoordinator,
  jobId: string,
  isEnough: (event: Event__Output) => boolean,
): Promise<Event__Output[]> {
  const events: Event__Output[] = [];
  for await (const event of readStream<Event__Output>(client.watch({ jobId }), neverAborts)) {
    events.push(event);
    if (isEnough(event)) break;
  }
  return events;
}

describe("the workers' door", () => {
  it("welcomes a worker with the times it is to keep", () =>
    withCoordinator(async (coordinator) => {
      const welcome = await coordinator.worker("w").next("welcome");
      assert.deepEqual(welcome, { protocolVersion: PROTOCOL_VERSION, heartbeatMs: 1000, leaseMs: 3000 });
    }));

  it("refuses another version of the protocol, naming both", () =>
    withCoordinator(async (coordinator) => {
      const end = await coordinator.worker("w", { protocolVersion: 7 }).ended;
      assert.equal(end?.code, status.FAILED_PRECONDITION);
      assert.match(end?.details ?? "", /worker "w" speaks protocol version 7, this coordinator speaks \d+/);
    }));

  it("refuses a hello that is none, with every reason", () =>
    withCoordinator(async (coordinator) => {
      const models = [fakeModel({ digest: "xyz", variant: "9", limits: null })];
      const end = await coordinator.worker("", { models }).ended;
      assert.equal(end?.code, status.INVALID_ARGUMENT);
      for (const field of ["worker_id", "digest", "variant", "limits", "maxHeight"]) {
        assert.match(end?.details ?? "", new RegExp(field));
      }
    }));

  it("refuses a stream that does not begin with a hello", () =>
    withCoordinator(async (coordinator) => {
      const client = new fleetApi.Fleet(`127.0.0.1:${coordinator.port}`, credentials.createInsecure());
      const stream = client.connect();
      const ended = new Promise<number>((resolve) =>
        stream.on("error", (error) => resolve(Number("code" in error && error.code))),
      );
      stream.on("data", () => {});
      stream.write({ heartbeat: {} });
      assert.equal(await ended, status.INVALID_ARGUMENT);
      client.close();
    }));

  it("refuses a second checkpoint under one name", () =>
    withCoordinator(async (coordinator) => {
      await coordinator.worker("w1").next("welcome");
      const other = coordinator.worker("w2", { models: [fakeModel({ digest: "e".repeat(64) })] });
      const end = await other.ended;
      assert.equal(end?.code, status.FAILED_PRECONDITION);
      assert.match(end?.details ?? "", /give the checkpoint another name/);
    }));

  it("gives a worker the whole request, and only what it may have", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const job = await coordinator.submit({ seed: "9007199254740991" });
      const assign = await worker.next("assign");
      assert.equal(assign.jobId, job.id);
      assert.equal(assign.epoch, "1");
      assert.deepEqual(assign.request, job.request);
      assert.equal(assign.request?.seed, "9007199254740991");
      assert.equal(assign.request?.guidanceScale, 6);
    }));

  it("queues the job of a worker again whose process dies, for another worker", () =>
    withCoordinator(async (coordinator) => {
      const first = coordinator.worker("w1");
      await first.next("welcome");
      const { id } = await coordinator.submit();
      await first.next("assign");
      first.kill();
      await eventsUntil(coordinator, id, (event) => event.message.startsWith("queued again"));
      const second = coordinator.worker("w2");
      await second.perform(await second.next("assign"), VIDEO);
      const events = await eventsUntil(coordinator, id, () => false);
      assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
      assert.deepEqual(events.at(-1)?.workerIds, ["w2"]);
      assert.equal((await coordinator.get(id)).attempts, 2);
    }));

  it("notices a silent worker by its lease, and ends its stream", () =>
    withCoordinator(
      async (coordinator) => {
        const silent = coordinator.worker("w1");
        await silent.next("welcome");
        const { id } = await coordinator.submit();
        await silent.next("assign");
        const end = await silent.ended;
        assert.equal(end?.code, status.ABORTED);
        assert.match(end?.details ?? "", /no sign of life for/);
        await eventsUntil(coordinator, id, (event) => event.message.startsWith("queued again"));
        assert.equal((await coordinator.get(id)).state, "JOB_STATE_QUEUED");
      },
      ["--lease-ms", "1000", "--heartbeat-ms", "300"],
    ));

  it("refuses the artifact of an epoch that is over, and one that was damaged", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      await coordinator.submit();
      const assign = await worker.next("assign");
      await assert.rejects(worker.put({ ...assign, epoch: "2" }, VIDEO), { code: "lease_lost" });
      await assert.rejects(worker.put(assign, VIDEO, { sha256: "0".repeat(64) }), { code: "data_loss" });
      await assert.rejects(worker.put(assign, VIDEO, { sha256: "x" }), { code: "invalid_request" });
      await worker.put(assign, VIDEO);
    }));

  it("tells a worker to stop what it should not be doing", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      worker.send({ stepDone: { jobId: "unknown", epoch: 3, step: 1 } });
      assert.deepEqual(await worker.next("cancelAssignment"), { jobId: "unknown", epoch: "3" });
    }));

  it("ends the workers' streams and the watches when it stops", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const { id } = await coordinator.submit();
      await worker.next("assign");
      const call = coordinator.client.watch({ jobId: id, afterSequence: 1 });
      const watch = readStream<Event__Output>(call, neverAborts);
      await watch.next();
      const watched = assert.rejects(watch.next(), {
        code: "unavailable",
        message: "the coordinator is stopping",
      });
      const stopped = coordinator.stop(AbortSignal.timeout(10_000));
      assert.equal((await worker.ended)?.code, status.UNAVAILABLE);
      await watched;
      coordinator.client.close();
      worker.kill();
      await stopped;
      await assert.rejects(callUnary((done) => coordinator.client.list({}, done), neverAborts));
    }));
});
