import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import type { DownloadChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { ListModelsResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListModelsResponse";
import type { ListRequest } from "@cogfleet/proto/gen/cogfleet/v1/ListRequest";
import type { ListResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListResponse";
import type { ListWorkersResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListWorkersResponse";
import { callUnary, isServiceError, readStream } from "@cogfleet/service";
import { type TestCoordinator, withCoordinator } from "./in-process.js";

const VIDEO = Buffer.from(Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 7) % 251));

async function watch(
  { client }: TestCoordinator,
  jobId: string,
  afterSequence = 0,
): Promise<Event__Output[]> {
  const events: Event__Output[] = [];
  for await (const event of readStream<Event__Output>(client.watch({ jobId, afterSequence }), neverAborts)) {
    events.push(event);
  }
  return events;
}

async function download({ client }: TestCoordinator, jobId: string, offset: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let at = offset;
  for await (const chunk of readStream<DownloadChunk__Output>(
    client.download({ jobId, offset }),
    neverAborts,
  )) {
    assert.equal(Number(chunk.offset), at);
    assert.equal(Number(chunk.totalBytes), VIDEO.byteLength);
    at += chunk.data.byteLength;
    pieces.push(chunk.data);
  }
  return Buffer.concat(pieces);
}

describe("the front door", () => {
  it("takes a prompt to a video: submit, watch, download", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const job = await coordinator.submit({ labels: { team: "x" } });
      assert.match(job.id, /^[0-9a-z]{26}$/);
      const watching = watch(coordinator, job.id);
      await worker.perform(await worker.next("assign"), VIDEO);
      const events = await watching;
      assert.deepEqual(
        events.map(({ sequence, state, stage, step }) => `${sequence} ${state} ${stage} ${step}`),
        [
          "1 JOB_STATE_QUEUED STAGE_UNSPECIFIED 0",
          "2 JOB_STATE_RUNNING STAGE_UNSPECIFIED 0",
          "3 JOB_STATE_RUNNING STAGE_ENCODE 0",
          "4 JOB_STATE_RUNNING STAGE_DENOISE 0",
          "5 JOB_STATE_RUNNING STAGE_DENOISE 1",
          "6 JOB_STATE_RUNNING STAGE_DENOISE 2",
          "7 JOB_STATE_RUNNING STAGE_DENOISE 3",
          "8 JOB_STATE_RUNNING STAGE_DECODE 3",
          "9 JOB_STATE_COMPLETED STAGE_DECODE 3",
        ],
      );
      assert.equal(events[4]?.seconds, 0.25);
      assert.deepEqual(await watch(coordinator, job.id, 8), events.slice(8));
      const done = await coordinator.get(job.id);
      assert.equal(done.artifact?.bytes, String(VIDEO.byteLength));
      assert.deepEqual(done.artifacts, [done.artifact]);
      assert.deepEqual(done.progress, { stage: "STAGE_DECODE", step: 3, steps: 3 });
      assert.ok(done.createTime && done.startTime && done.finishTime);
      for (const offset of [0, 1, 2_000_000, VIDEO.byteLength]) {
        assert.deepEqual(await download(coordinator, job.id, offset), VIDEO.subarray(offset));
      }
      await assert.rejects(download(coordinator, job.id, VIDEO.byteLength + 1), { code: "invalid_request" });
    }));

  it("says in the job which request it will run: every field, those left out with their defaults", () =>
    withCoordinator(async (coordinator) => {
      await coordinator.worker("w").next("welcome");
      const { request } = await coordinator.submit({ guidanceScale: 0 });
      assert.ok(request);
      assert.equal(request.guidanceScale, 0);
      for (const field of [
        "negativePrompt",
        "seed",
        "useDynamicCfg",
        "scheduler",
        "numFrames",
        "height",
        "width",
      ] as const) {
        assert.equal(request[`_${field}`], field, `${field} is not set`);
      }
      assert.equal(request.numFrames, 9);
      assert.equal(request.model, "demo");
      assert.equal(request._idempotencyKey, undefined);
    }));

  const refusals: readonly (readonly [Parameters<TestCoordinator["submit"]>[0], string, RegExp])[] = [
    [{ prompt: "  " }, "invalid_request", /^prompt " +" must not be blank$/],
    [{ numFrames: 10 }, "invalid_request", /^num_frames 10 .*8k\+1.* 9 or 17$/],
    [{ height: 17, width: 0 }, "invalid_request", /^height 17 .*; width 0 /],
    [{ seed: "9007199254740992" }, "invalid_request", /^seed 9007199254740992 must be/],
    [{ seed: "18446744073709551615" }, "invalid_request", /^seed 18446744073709551615 must be/],
    [{ guidanceScale: Number.NaN }, "invalid_request", /^guidance_scale NaN must be/],
    [{ numInferenceSteps: 0 }, "invalid_request", /^num_inference_steps 0 must be/],
    [{ scheduler: "euler" }, "invalid_request", /^scheduler "euler" must be/],
    [{ fps: 0 }, "invalid_request", /^fps 0 must be/],
    [{ extraArtifacts: [9 as never] }, "invalid_request", /^extra_artifacts "9" must be/],
    [{ model: "none" }, "model_not_found", /^no worker has offered model "none"; there is "demo"$/],
  ];
  it("refuses what it cannot run, naming field, value and rule", () =>
    withCoordinator(async (coordinator) => {
      await coordinator.worker("w").next("welcome");
      for (const [request, code, message] of refusals) {
        await assert.rejects(coordinator.submit(request), { code, message });
      }
      assert.equal((await list(coordinator, {})).jobs.length, 0);
    }));

  it("has no model before the first worker came, and remembers it after the last has left", () =>
    withCoordinator(async (coordinator) => {
      await assert.rejects(coordinator.submit(), {
        code: "unavailable",
        message: "no worker has offered a model yet",
      });
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      worker.kill();
      assert.equal((await coordinator.submit()).request?.model, "demo");
    }));

  it("answers the same submission under one key with one job, and another with a refusal", () =>
    withCoordinator(async (coordinator) => {
      await coordinator.worker("w").next("welcome");
      const storm = await Promise.all(
        Array.from({ length: 50 }, () => coordinator.submit({ idempotencyKey: "k" })),
      );
      assert.equal(new Set(storm.map((job) => job.id)).size, 1);
      await assert.rejects(coordinator.submit({ idempotencyKey: "k", seed: 1 }), { code: "already_exists" });
    }));

  it("refuses more jobs than may wait, with a hint when to try again", () =>
    withCoordinator(
      async (coordinator) => {
        const worker = coordinator.worker("w");
        await worker.next("welcome");
        worker.kill();
        await coordinator.submit();
        await assert.rejects(coordinator.submit(), {
          code: "resource_exhausted",
          details: { retryAfterMs: 60_000 },
        });
      },
      ["--max-queued", "1"],
    ));

  it("cancels a queued job at once and a running one when the worker confirms", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const running = await coordinator.submit();
      const queued = await coordinator.submit();
      const assign = await worker.next("assign");
      const cancel = (jobId: string): Promise<Job__Output> =>
        callUnary<Job__Output>((done) => coordinator.client.cancel({ jobId }, done), neverAborts);
      assert.equal((await cancel(queued.id)).state, "JOB_STATE_CANCELLED");
      assert.equal((await cancel(running.id)).state, "JOB_STATE_RUNNING");
      const { jobId, epoch } = await worker.next("cancelAssignment");
      assert.deepEqual([jobId, epoch], [assign.jobId, assign.epoch]);
      const watching = watch(coordinator, running.id);
      worker.send({ assignmentFailed: { jobId, epoch, error: { code: "cancelled", message: "cancelled" } } });
      assert.equal((await watching).at(-1)?.state, "JOB_STATE_CANCELLED");
      assert.equal((await cancel(running.id)).state, "JOB_STATE_CANCELLED");
    }));

  it("lists jobs newest first, by page, state, label and tenant", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      worker.kill();
      const jobs: string[] = [];
      for (let i = 0; i < 5; i++)
        jobs.unshift((await coordinator.submit({ labels: { odd: String(i % 2) } })).id);
      const ids = async (request: ListRequest): Promise<string[]> =>
        (await list(coordinator, request)).jobs.map((job) => job.id);
      const first = await list(coordinator, { pageSize: 2 });
      assert.deepEqual(
        first.jobs.map((job) => job.id),
        jobs.slice(0, 2),
      );
      assert.deepEqual(await ids({ pageToken: first.nextPageToken }), jobs.slice(2));
      assert.equal((await list(coordinator, {})).nextPageToken, "");
      assert.deepEqual(await ids({ labels: { odd: "1" } }), [jobs[1], jobs[3]]);
      assert.deepEqual(await ids({ states: ["JOB_STATE_RUNNING"] }), []);
      assert.deepEqual(await ids({ tenant: "default" }), jobs);
      assert.deepEqual(await ids({ tenant: "other" }), []);
      assert.deepEqual(first.jobs.map((job) => job.queuePosition).sort(), [3, 4]);
      await assert.rejects(list(coordinator, { pageSize: 1001, pageToken: "x", tenant: "a b" }), {
        message:
          /^page_size 1001 must be .*; page_token "x" must be .*; tenant "a b" must have 1 to 63 letters/,
      });
      await assert.rejects(list(coordinator, { states: [77 as never] }), { code: "invalid_request" });
    }));

  it("ends a page of long prompts where a client would not take it", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      worker.kill();
      const jobs: string[] = [];
      for (let i = 0; i < 9; i++) {
        const prompts = { prompt: "圆".repeat(100_000), negativePrompt: "方".repeat(100_000) };
        jobs.unshift((await coordinator.submit(prompts)).id);
      }
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await list(coordinator, { pageToken });
        listed.push(...page.jobs.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      assert.deepEqual(listed, jobs);
    }));

  it("says what a job waits for", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const waiting = await coordinator.submit({ parallel: "context=4" });
      const reason = "waits for 4 workers of demo: 1 is connected";
      assert.equal(waiting.waitReason, reason);
      assert.equal((await coordinator.get(waiting.id)).waitReason, reason);
      assert.deepEqual(
        (await list(coordinator, {})).jobs.map((job) => job.waitReason),
        [reason],
      );
      const { client } = coordinator;
      const told: string[] = [];
      for await (const event of readStream<Event__Output>(client.watch({ jobId: waiting.id }), neverAborts)) {
        told.push(event.waitReason);
        if (told.length === 1)
          await callUnary((done) => client.cancel({ jobId: waiting.id }, done), neverAborts);
      }
      assert.deepEqual(told, [reason, ""]);
      assert.equal((await coordinator.get(waiting.id)).waitReason, "");
    }));

  it("shows workers and models", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w", { device: "cuda:0", precision: "bf16", pid: 7 });
      await worker.next("welcome");
      const { id } = await coordinator.submit();
      await worker.next("assign");
      const { client } = coordinator;
      const { workers } = await callUnary<ListWorkersResponse__Output>(
        (done) => client.listWorkers({}, done),
        neverAborts,
      );
      const { models } = await callUnary<ListModelsResponse__Output>(
        (done) => client.listModels({}, done),
        neverAborts,
      );
      const [shown] = workers;
      assert.deepEqual(
        [shown?.id, shown?.state, shown?.device, shown?.jobId],
        ["w", "WORKER_STATE_BUSY", "cuda:0", id],
      );
      assert.deepEqual(
        models.map((model) => [model.name, model.readyWorkers, model.limits?.maxNumFrames]),
        [["demo", 1, 17]],
      );
    }));

  it("says clearly what it does not have", () =>
    withCoordinator(async (coordinator) => {
      await assert.rejects(coordinator.get("nope"), {
        code: "job_not_found",
        message: 'there is no job "nope"',
      });
      await assert.rejects(coordinator.get(""), {
        code: "invalid_request",
        message: "job_id must not be empty",
      });
      await assert.rejects(watch(coordinator, "nope"), { code: "job_not_found" });
      await assert.rejects(download(coordinator, "nope", 0), { code: "job_not_found" });
    }));

  it("serves a dozen watchers without a warning of a leak", () =>
    withCoordinator(async (coordinator) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error): number => warnings.push(warning);
      process.on("warning", onWarning);
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const job = await coordinator.submit();
      const watching = Array.from({ length: 12 }, () => watch(coordinator, job.id));
      await worker.perform(await worker.next("assign"), VIDEO);
      await Promise.all(watching);
      process.off("warning", onWarning);
      assert.deepEqual(warnings, []);
    }));

  it("tells a client that leaves nothing more, and goes on for the others", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const job = await coordinator.submit();
      const leaving = coordinator.client.watch({ jobId: job.id });
      leaving.on("error", (error) => assert.ok(isServiceError(error)));
      await new Promise((resolve) => leaving.once("data", resolve));
      leaving.cancel();
      const watching = watch(coordinator, job.id);
      await worker.perform(await worker.next("assign"), VIDEO);
      assert.equal((await watching).at(-1)?.state, "JOB_STATE_COMPLETED");
    }));
});

function list({ client }: TestCoordinator, request: ListRequest): Promise<ListResponse__Output> {
  return callUnary<ListResponse__Output>((done) => client.list(request, done), neverAborts);
}
