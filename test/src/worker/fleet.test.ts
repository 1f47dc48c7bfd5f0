// Workers in this process against a real coordinator: the demo checkpoint, ONNX Runtime, gRPC, MP4.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { GraphBuilder } from "@cogfleet/model";
import { parseDevice, startThreadRuntime } from "@cogfleet/ort";
import type { DownloadChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { ListWorkersResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListWorkersResponse";
import { callUnary, readStream } from "@cogfleet/service";
import {
  loadModel,
  parseWorkerConfig,
  type RunningWorker,
  startWorker,
  type WorkerServiceDeps,
} from "@cogfleet/worker";
import { type TestCoordinator, withCoordinator } from "../coordinator/in-process.js";

const demo = fileURLToPath(new URL("../../../models/demo", import.meta.url));
const workerMain = fileURLToPath(new URL("../../../services/worker/dist/main.js", import.meta.url));
// A test's process may stand still for a part of it.
const LEASE_MS = 1000;
const PATIENCE_MS = 120_000;
const PROMPT = { prompt: "a red circle moves right", guidanceScale: 2, seed: "1" };

function flags({ port }: TestCoordinator, id: string): string[] {
  return ["--coordinator", `127.0.0.1:${port}`, "--model", demo, "--threads", "1", "--id", id];
}

async function inProcess(
  t: TestContext,
  coordinator: TestCoordinator,
  id: string,
  deps: Partial<WorkerServiceDeps> = {},
  more: readonly string[] = [],
): Promise<RunningWorker> {
  const worker = await startWorker(
    parseWorkerConfig([...flags(coordinator, id), ...more], {}),
    { clock: systemClock, random: systemRandom, log: silentLogger, ...deps },
    neverAborts,
  );
  t.after(() => worker.stop(AbortSignal.timeout(10_000)));
  return worker;
}

/** A worker's process, once it is up. */
async function ownProcess(t: TestContext, coordinator: TestCoordinator, id: string): Promise<ChildProcess> {
  const child = fork(workerMain, [...flags(coordinator, id), "--log-level", "silent"], { silent: true });
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

/** Submits as soon as a worker has offered the model. */
async function submit(coordinator: TestCoordinator, request: object): Promise<string> {
  for (;;) {
    try {
      return (await coordinator.submit({ ...PROMPT, ...request })).id;
    } catch {
      await systemClock.sleep(10, AbortSignal.timeout(PATIENCE_MS));
    }
  }
}

/** Resolves once so many workers can be given jobs. */
async function idle({ client }: TestCoordinator, count: number): Promise<void> {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const { workers } = await callUnary<ListWorkersResponse__Output>(
      (done) => client.listWorkers({}, done),
      deadline,
    );
    if (workers.filter(({ state }) => state === "WORKER_STATE_IDLE").length === count) return;
    await systemClock.sleep(10, deadline);
  }
}

/** The job's events until one that `isWanted`, else until its end. */
async function events(
  { client }: TestCoordinator,
  jobId: string,
  isWanted: (event: Event__Output) => boolean = () => false,
): Promise<Event__Output[]> {
  const seen: Event__Output[] = [];
  for await (const event of readStream(client.watch({ jobId }), AbortSignal.timeout(30_000))) {
    seen.push(event);
    if (isWanted(event)) break;
  }
  return seen;
}

async function download({ client }: TestCoordinator, jobId: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = client.download({ jobId });
  for await (const chunk of readStream<DownloadChunk__Output>(stream, AbortSignal.timeout(PATIENCE_MS)))
    chunks.push(chunk.data);
  return Buffer.concat(chunks);
}

function msOf(time: Job__Output["startTime"] | undefined): number {
  return Number(time?.seconds) * 1000 + Number(time?.nanos) / 1e6;
}

describe("a fleet with one worker", { timeout: 540_000 }, () => {
  it("makes a video of a prompt: stages and steps in order, an MP4 with moov first, and what was asked besides", (t) =>
    withCoordinator(async (coordinator) => {
      await inProcess(t, coordinator, "w1");
      const jobId = await submit(coordinator, {
        extraArtifacts: ["ARTIFACT_KIND_LATENTS", "ARTIFACT_KIND_FRAMES"],
      });
      const seen = await events(coordinator, jobId);
      assert.deepEqual(
        seen.filter(({ stage }) => stage === "STAGE_DENOISE").map(({ step }) => step),
        [0, 1, 2, 3],
      );
      assert.equal(seen.at(-1)?.state, "JOB_STATE_COMPLETED");
      const { artifacts, artifact } = await coordinator.get(jobId);
      assert.deepEqual(artifacts.map(({ kind }) => kind).sort(), [
        "ARTIFACT_KIND_FRAMES",
        "ARTIFACT_KIND_LATENTS",
        "ARTIFACT_KIND_VIDEO",
      ]);
      const mp4 = await download(coordinator, jobId);
      assert.equal(mp4.length, Number(artifact?.bytes));
      assert.equal(mp4.toString("latin1", 4, 8), "ftyp");
      assert.ok(mp4.indexOf("moov") < mp4.indexOf("mdat"));
      assert.ok(mp4.includes("a red circle moves right"));
    }));

  it("makes the same bytes of the same request, also with a text encoder in a process of its own", (t) =>
    withCoordinator(async (coordinator) => {
      const make = async (): Promise<Buffer> => {
        const jobId = await submit(coordinator, {});
        await events(coordinator, jobId);
        return download(coordinator, jobId);
      };
      const resident = await inProcess(t, coordinator, "w1", {}, ["--text-encoder", "resident"]);
      const first = await make();
      assert.ok(first.equals(await make()));
      await resident.stop(neverAborts);
      await inProcess(t, coordinator, "w2", {}, ["--text-encoder", "transient"]);
      assert.ok(first.equals(await make()));
    }));

  it("warns of a prompt that was cut", (t) =>
    withCoordinator(async (coordinator) => {
      await inProcess(t, coordinator, "w1");
      const jobId = await submit(coordinator, { prompt: "a red circle moves right ".repeat(40) });
      await events(coordinator, jobId);
      assert.match((await coordinator.get(jobId)).warnings.join(), /the prompt has \d+ tokens, .* cut off/);
    }));

  it("stops a cancelled job within a step, and does the next one", (t) =>
    withCoordinator(async (coordinator) => {
      await inProcess(t, coordinator, "w1");
      const jobId = await submit(coordinator, { numInferenceSteps: 1000 });
      await events(coordinator, jobId, ({ step }) => step >= 2);
      await new Promise((resolve, reject) =>
        coordinator.client.cancel({ jobId }, (error) => (error ? reject(error) : resolve(undefined))),
      );
      const seen = await events(coordinator, jobId);
      assert.equal(seen.at(-1)?.state, "JOB_STATE_CANCELLED");
      assert.ok((seen.at(-1)?.step ?? 1000) < 500, `cancelled after step ${seen.at(-1)?.step}`);
      const next = await submit(coordinator, {});
      assert.equal((await events(coordinator, next)).at(-1)?.state, "JOB_STATE_COMPLETED");
    }));

  it("knows for how long a graph has run, and that none runs in between", (t) =>
    withCoordinator(async (coordinator) => {
      const between: number[] = [];
      let longest = 0;
      await inProcess(t, coordinator, "w1", {
        loadModel: async (modelOptions, deps, signal) => {
          const real = await loadModel(modelOptions, deps, signal);
          return {
            ...real,
            async generate(task, hooks, generateSignal) {
              const look = setInterval(() => {
                longest = Math.max(longest, real.runSeconds());
              }, 1);
              const onStep: typeof hooks.onStep = async (...args) => {
                between.push(real.runSeconds());
                await hooks.onStep?.(...args);
              };
              try {
                return await real.generate(task, { ...hooks, onStep }, generateSignal);
              } finally {
                clearInterval(look);
              }
            },
          };
        },
      });
      const jobId = await submit(coordinator, {});
      assert.equal((await events(coordinator, jobId)).at(-1)?.state, "JOB_STATE_COMPLETED");
      assert.ok(longest > 0 && longest < 60, `${longest} s`);
      assert.ok(between.length > 0 && between.every((seconds) => seconds === 0), between.join());
    }));

  it("beats while it computes for longer than its lease", (t) =>
    withCoordinator(
      async (coordinator) => {
        // A graph that blocks its thread for longer than a lease, again and again until two have passed.
        const graph = new GraphBuilder("slow", "fp32");
        const x = graph.input("x", ["n", "n"]);
        let y = x;
        for (let i = 0; i < 60; i++) y = graph.node("MatMul", [y, x]);
        graph.output("y", y, ["n", "n"]);
        const options = { device: parseDevice("cpu"), precision: "fp32", threads: 1, spin: false } as const;
        const runtime = startThreadRuntime(options);
        const session = await runtime.open(graph.build(), neverAborts);
        let blockedMs = 0;
        await inProcess(t, coordinator, "w1", {
          loadModel: async (modelOptions, deps, signal) => {
            const real = await loadModel(modelOptions, deps, signal);
            return {
              ...real,
              async generate(task, hooks, generateSignal) {
                while (blockedMs < 2 * LEASE_MS) {
                  const from = systemClock.now();
                  const data = new Float32Array(1100 * 1100);
                  await session.run({ x: { type: "float32", dims: [1100, 1100], data } }, generateSignal);
                  blockedMs += systemClock.now() - from;
                }
                return real.generate(task, hooks, generateSignal);
              },
              async close() {
                await real.close();
                await runtime.close();
              },
            };
          },
        });
        const jobId = await submit(coordinator, {});
        assert.equal((await events(coordinator, jobId)).at(-1)?.state, "JOB_STATE_COMPLETED");
        assert.equal((await coordinator.get(jobId)).attempts, 1);
      },
      ["--heartbeat-ms", "250", "--lease-ms", String(LEASE_MS)],
    ));
});

describe("a fleet with two workers", { timeout: 540_000 }, () => {
  it("runs two jobs at once", (t) =>
    withCoordinator(async (coordinator) => {
      await Promise.all([inProcess(t, coordinator, "w1"), inProcess(t, coordinator, "w2")]);
      await idle(coordinator, 2);
      const jobs = [
        await submit(coordinator, { numInferenceSteps: 30 }),
        await submit(coordinator, { numInferenceSteps: 30, seed: "2" }),
      ];
      for (const jobId of jobs)
        assert.equal((await events(coordinator, jobId)).at(-1)?.state, "JOB_STATE_COMPLETED");
      const [first, second] = await Promise.all(jobs.map((jobId) => coordinator.get(jobId)));
      assert.deepEqual([first?.workerIds, second?.workerIds].flat().sort(), ["w1", "w2"]);
      assert.ok(msOf(second?.startTime) < msOf(first?.finishTime), "the second waited for the first");
    }));

  it("finishes on the other worker what one was doing that was killed", (t) =>
    withCoordinator(async (coordinator) => {
      const victim = await ownProcess(t, coordinator, "victim");
      const jobId = await submit(coordinator, { numInferenceSteps: 100 });
      await events(coordinator, jobId, ({ step }) => step >= 3);
      victim.kill("SIGKILL");
      await inProcess(t, coordinator, "heir");
      assert.equal((await events(coordinator, jobId)).at(-1)?.state, "JOB_STATE_COMPLETED");
      const { attempts, workerIds } = await coordinator.get(jobId);
      assert.deepEqual([attempts, workerIds], [2, ["heir"]]);
    }));

  it("hands a job over when its worker is told to end, which ends cleanly", (t) =>
    withCoordinator(async (coordinator) => {
      const leaving = await ownProcess(t, coordinator, "leaving");
      const jobId = await submit(coordinator, { numInferenceSteps: 100 });
      await events(coordinator, jobId, ({ step }) => step >= 3);
      leaving.kill("SIGTERM");
      const [code, signal] = await once(leaving, "exit");
      assert.deepEqual([code, signal], [0, null]);
      await inProcess(t, coordinator, "heir");
      const seen = await events(coordinator, jobId);
      assert.equal(seen.at(-1)?.state, "JOB_STATE_COMPLETED");
      const messages = seen.map(({ message }) => message).filter((message) => message !== "");
      assert.deepEqual(messages, ["queued again: worker leaving is shutting down"]);
      assert.deepEqual((await coordinator.get(jobId)).workerIds, ["heir"]);
    }));
});
