// The whole loop: the chart's ScaledObject, real KEDA and a real HPA scale the workers' StatefulSet by what our
// coordinator says. kwok runs no containers, so the test runs each pod's worker as a process with the pod's flags.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { neverAborts, systemClock } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import { CHART, helm } from "./chart.js";
import { type ControlPlane, startControlPlane } from "./control-plane.js";
import { type Keda, startKeda } from "./keda.js";
import { PodDriver } from "./pod-driver.js";
import { type PodProcess, podsOf, startPod } from "./pod-process.js";
import { type ReplicaWatch, watchReplicas } from "./replica-watch.js";

const NAMESPACE = "video";
const WORKERS = "cog-cogfleet-worker";
const MOST = 3;
const DRAIN_SECONDS = 6;
const POLLING_SECONDS = 2;
// The chart's timing, shortened.
const VALUES = [
  "worker.autoscaling.enabled=true",
  `worker.autoscaling.maxReplicas=${MOST}`,
  `worker.autoscaling.targetDrainSeconds=${DRAIN_SECONDS}`,
  `worker.autoscaling.pollingSeconds=${POLLING_SECONDS}`,
  "worker.autoscaling.cooldownSeconds=6",
  "worker.autoscaling.scaleDownStabilizationSeconds=1",
  "worker.autoscaling.scaleDownPodsPerMinute=100",
  "worker.podDisruptionBudget.enabled=false",
];

interface Scale {
  readonly backlogWorkSeconds: number;
  readonly wanted: number;
}

describe("the autoscaling of the chart", { timeout: 590_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-keda-"));
  let plane: ControlPlane;
  let keda: Keda;
  let coordinator: PodProcess;
  let client: GenerationClient;
  let driver: PodDriver;
  let watch: ReplicaWatch;
  const jobs: Job__Output[] = [];
  let steps = 0;

  before(async () => {
    plane = await startControlPlane(join(folder, "plane"), { nodes: 2 });
    await plane.addCustomResources();
    keda = await startKeda(plane);
    await plane.kubectl("create", "namespace", NAMESPACE);
    const values = VALUES.flatMap((value) => ["--set", value]);
    await helm(
      "--kubeconfig",
      plane.kubeconfig,
      "install",
      "cog",
      CHART,
      "--namespace",
      NAMESPACE,
      ...values,
    );
    coordinator = await startCoordinator();
    client = new generationApi.Generation(`127.0.0.1:${coordinator.port}`, credentials.createInsecure());
    // KEDA runs outside of the cluster's network, as the coordinator does: the address is all that is changed.
    const path = "/spec/triggers/0/metadata/scalerAddress";
    const value = `127.0.0.1:${coordinator.port}`;
    await kubectl(
      "patch",
      "scaledobject",
      WORKERS,
      "--type=json",
      "-p",
      JSON.stringify([{ op: "replace", path, value }]),
    );
    watch = await watchReplicas(plane.kubeconfig, NAMESPACE, WORKERS);
    driver = new PodDriver({
      plane,
      namespace: NAMESPACE,
      selector: "app.kubernetes.io/component=worker",
      run: (pod) =>
        startPod(pod, {
          coordinator: value,
          folder: join(folder, pod.metadata.name),
          id: pod.metadata.name,
        }),
    });
  });

  after(async () => {
    await driver?.stop();
    await watch?.stop();
    client?.close();
    if (keda !== undefined) await kubectl("delete", "scaledobject", WORKERS, "--timeout=30s").catch(() => {});
    await coordinator?.stop();
    await keda?.stop();
    await plane?.stop();
    rmSync(folder, { recursive: true });
  });

  const kubectl = (...args: readonly string[]): Promise<string> =>
    plane.kubectl("--namespace", NAMESPACE, ...args);

  async function startCoordinator(): Promise<PodProcess> {
    let [pod] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    for (
      ;
      pod === undefined;
      [pod] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator")
    )
      await systemClock.sleep(200, neverAborts);
    const kubeconfig = await plane.kubeconfigOf(NAMESPACE, "cog-cogfleet-coordinator");
    return startPod(pod, { coordinator: "", folder: join(folder, "coordinator"), kubeconfig });
  }

  async function scale(): Promise<Scale> {
    const response = await fetch(
      `http://127.0.0.1:${coordinator.httpPort}/scale?targetDrainSeconds=${DRAIN_SECONDS}`,
    );
    return (await response.json()) as Scale;
  }

  function submit(steps: number): Promise<Job__Output> {
    const request = { prompt: "a red circle moves right", numInferenceSteps: steps, seed: 1 };
    return callUnary<Job__Output>((done) => client.submit(request, done), neverAborts);
  }

  async function events(jobId: string): Promise<Event__Output[]> {
    const found: Event__Output[] = [];
    for await (const event of readStream<Event__Output>(client.watch({ jobId }), neverAborts))
      found.push(event);
    return found;
  }

  /** Waits until so many replicas are wanted of the StatefulSet, and prints a row of the table. */
  async function reaches(expected: number, since: number, withinSeconds: number): Promise<number> {
    for (;;) {
      const { replicas: seen, sinceMs } = watch.wanted();
      if (seen === expected) {
        const seconds = (sinceMs - since) / 1000;
        const { backlogWorkSeconds, wanted } = await scale();
        const row = [backlogWorkSeconds.toFixed(1), wanted, seen, seconds.toFixed(2)];
        process.stdout.write(`backlog | wanted | seen | seconds: ${row.join(" | ")}\n`);
        return seconds;
      }
      assert.ok(
        systemClock.now() - since < 1000 * withinSeconds,
        `${seen} replicas after ${withinSeconds} s, expected ${expected}: ${JSON.stringify(await scale())}`,
      );
      await systemClock.sleep(30, neverAborts);
    }
  }

  it("starts a first worker by itself, which tells what can be made, and lets it go", async () => {
    const start = systemClock.now();
    await reaches(1, start, 60);
    await driver.start();
    await driver.reaches(1);
    const known = systemClock.now();
    await reaches(0, known, 60);
    await driver.reaches(0);
  });

  it("wants the first replica within a second of a job, and then as many as the formula says", async () => {
    driver.pause(); // so that the backlog stands still
    steps = Math.min(1000, Math.floor(DRAIN_SECONDS / 1.5 / ((await workSecondsOf(1000)) / 1000)));
    await rest();
    jobs.push(await submit(steps));
    const seconds = await reaches(1, systemClock.now(), 20);
    assert.ok(seconds < 1, `${seconds} s`);
    // Within the HPA's tolerance of a tenth, one replica stays one.
    assert.ok((await scale()).backlogWorkSeconds < 1.1 * DRAIN_SECONDS);
    jobs.push(await submit(steps), await submit(steps), await submit(steps));
    assert.ok((await scale()).wanted >= MOST);
    await reaches(MOST, systemClock.now(), 40);
  });

  it("shrinks under busy workers as their jobs get on: all finish, no step that was done is done again", async () => {
    driver.resume();
    await driver.reaches(MOST);
    const start = systemClock.now();
    const histories = Promise.all(jobs.map(({ id }) => events(id)));
    // Workers that start beside others measure lower rates: the backlog may first be more than it was.
    await reaches(2, start, 300);
    await reaches(1, start, 300);
    for (const history of await histories) {
      assert.equal(history.at(-1)?.state, "JOB_STATE_COMPLETED");
      const done = history.filter(({ stage, seconds }) => stage === "STAGE_DENOISE" && seconds > 0);
      assert.deepEqual(
        done.map(({ step }) => step),
        Array.from({ length: steps }, (_, i) => i + 1),
      );
    }
    const moved = (await histories).filter((history) =>
      history.some(({ message }) => message.startsWith("queued again")),
    );
    process.stdout.write(
      `jobs moved by scale-in: ${moved.length} of ${jobs.length}, of ${steps} steps each\n`,
    );
    assert.ok(moved.length > 0, "no busy worker was scaled in");
    const idle = systemClock.now();
    await reaches(0, idle, 60);
    await driver.reaches(0);
    assert.deepEqual(
      driver.exitCodes.filter((code) => code !== 0),
      [],
    );
  });

  it("comes back from zero within a second", async () => {
    await rest();
    const job = await submit(4);
    const seconds = await reaches(1, systemClock.now(), 20);
    assert.ok(seconds < 1, `${seconds} s`);
    assert.equal((await events(job.id)).at(-1)?.state, "JOB_STATE_COMPLETED");
  });

  /** KEDA counts replicas in a cache that lags: what it has just taken to zero it takes for one, until it polls again. */
  async function rest(): Promise<void> {
    await systemClock.sleep(2 * 1000 * POLLING_SECONDS, neverAborts);
  }

  /** What the coordinator expects of a job, by submitting and cancelling one. */
  async function workSecondsOf(steps: number): Promise<number> {
    const job = await submit(steps);
    const { backlogWorkSeconds } = await scale();
    await reaches(1, systemClock.now(), 20);
    await callUnary((done) => client.cancel({ jobId: job.id }, done), neverAborts);
    await reaches(0, systemClock.now(), 60);
    return backlogWorkSeconds;
  }
});
