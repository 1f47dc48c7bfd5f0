import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { scalerApi } from "@cogfleet/proto";
import type { ExternalScalerClient } from "@cogfleet/proto/gen/externalscaler/ExternalScaler";
import type { GetMetricSpecResponse__Output } from "@cogfleet/proto/gen/externalscaler/GetMetricSpecResponse";
import type { GetMetricsResponse__Output } from "@cogfleet/proto/gen/externalscaler/GetMetricsResponse";
import type { IsActiveResponse__Output } from "@cogfleet/proto/gen/externalscaler/IsActiveResponse";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import { type TestCoordinator, withCoordinator } from "./in-process.js";

/** KEDA, as far as the coordinator can tell. */
async function withScaler(
  use: (coordinator: TestCoordinator, client: ExternalScalerClient) => Promise<void>,
): Promise<void> {
  await withCoordinator(async (coordinator) => {
    const address = `127.0.0.1:${coordinator.port}`;
    const client = new scalerApi.ExternalScaler(address, credentials.createInsecure());
    try {
      await use(coordinator, client);
    } finally {
      client.close();
    }
  });
}

const METADATA = { scalerAddress: "cogfleet:7070", targetDrainSeconds: "30" };

async function isActive(client: ExternalScalerClient, scalerMetadata = METADATA): Promise<boolean> {
  const { result } = await callUnary<IsActiveResponse__Output>(
    (done) => client.isActive({ scalerMetadata }, done),
    neverAborts,
  );
  return result;
}

async function metric(client: ExternalScalerClient, metricName: string): Promise<number> {
  const { metricValues } = await callUnary<GetMetricsResponse__Output>(
    (done) => client.getMetrics({ scaledObjectRef: { scalerMetadata: METADATA }, metricName }, done),
    neverAborts,
  );
  assert.equal(metricValues[0]?.metricName, metricName);
  return metricValues[0].metricValueFloat;
}

const VIDEO = Buffer.from("video");

describe("the external scaler", () => {
  it("follows jobs: active from the first to the end of the last, with their work as its metric", () =>
    withScaler(async (coordinator, client) => {
      // No worker ever came: one is wanted, or no job could be admitted.
      assert.equal(await isActive(client), true);
      assert.equal(await metric(client, "groups_needed"), 1);
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      assert.equal(await isActive(client), false);
      assert.equal(await metric(client, "groups_needed"), 0);

      const spec = await callUnary<GetMetricSpecResponse__Output>(
        (done) => client.getMetricSpec({ scalerMetadata: METADATA }, done),
        neverAborts,
      );
      assert.deepEqual(
        spec.metricSpecs.map(({ metricName, targetSizeFloat }) => [metricName, targetSizeFloat]),
        [
          ["backlog_work_seconds", 30],
          ["groups_needed", 1],
        ],
      );

      await coordinator.submit();
      await coordinator.submit();
      await coordinator.submit({ parallel: "cfg=2,context=2" });
      assert.equal(await isActive(client), true);
      // The worker of this test tells no sizes: a job counts a minute.
      assert.equal(await metric(client, "backlog_work_seconds"), 180);
      assert.equal(await metric(client, "groups_needed"), 4);
      const response = await fetch(`http://127.0.0.1:${coordinator.httpPort}/scale?targetDrainSeconds=30`);
      const page = (await response.json()) as Record<string, unknown>;
      assert.equal(page["isActive"], true);
      assert.equal(page["backlogWorkSeconds"], 180);
      assert.equal(page["byBacklog"], 6);
      assert.equal(page["byDegrees"], 4);
      assert.equal(page["wanted"], 6);
    }));

  it("pushes: at once, and with every change", () =>
    withScaler(async (coordinator, client) => {
      const stream = client.streamIsActive({ scalerMetadata: METADATA });
      const pushed = readStream<IsActiveResponse__Output>(stream, neverAborts);
      const next = async () => (await pushed.next()).value?.result;
      assert.equal(await next(), true); // no worker yet
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      await coordinator.submit();
      await worker.perform(await worker.next("assign"), VIDEO);
      assert.equal(await next(), false);
      await coordinator.submit();
      assert.equal(await next(), true);
      await worker.perform(await worker.next("assign"), VIDEO);
      assert.equal(await next(), false);
      // A coordinator that stops ends the stream in good order: KEDA asks again after 2 s, not after a minute.
      const end = pushed.next();
      await coordinator.stop(AbortSignal.timeout(5_000));
      assert.equal((await end).done, true);
    }));

  it("refuses metadata that is wrong, over gRPC and HTTP", () =>
    withScaler(async (coordinator, client) => {
      const wrong = { ...METADATA, targetDrainSeconds: "-1" };
      const message = /targetDrainSeconds must be a number above 0, got "-1"/;
      await assert.rejects(isActive(client, wrong), message);
      await assert.rejects(metric(client, "jobs"), /metricName "jobs" is not known/);
      const response = await fetch(`http://127.0.0.1:${coordinator.httpPort}/scale?targetDrainSeconds=-1`);
      assert.equal(response.status, 400);
      assert.match(await response.text(), /targetDrainSeconds must be a number above 0, got/);
    }));

  it("opts out of StreamMetricSpec as KEDA asks: UNIMPLEMENTED", () =>
    withScaler(async (_, client) => {
      const call = client.makeServerStreamRequest(
        "/externalscaler.ExternalScaler/StreamMetricSpec",
        () => Buffer.alloc(0),
        (bytes: Buffer) => bytes,
        {},
      );
      await assert.rejects(readStream(call, neverAborts).next(), {
        code: "unsupported",
        message: /does not implement/,
      });
    }));
});
