// The coordinator as a process with a service account's token, on a real control plane; its workers are played.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { neverAborts, systemClock } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import { callUnary } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import { type RunningCommand, startCommand } from "../cli/command.js";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { type ControlPlane, startControlPlane } from "./control-plane.js";
import { COORDINATOR_ACCOUNT, coordinatorRights } from "./coordinator-rights.js";

const COST = "controller.kubernetes.io/pod-deletion-cost";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-kubernetes-"));
let plane: ControlPlane;
before(async () => {
  plane = await startControlPlane(folder, { nodes: 4 });
  await plane.apply(await coordinatorRights("fleet"));
});
after(async () => {
  await plane?.stop();
  rmSync(folder, { recursive: true });
});

const account = (namespace: string): Promise<string> => plane.kubeconfigOf(namespace, COORDINATOR_ACCOUNT);

interface PodMetadata {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

describe("a coordinator on Kubernetes", { timeout: 540_000 }, () => {
  const running: RunningCommand[] = [];
  const workers: FakeWorker[] = [];
  afterEach(async () => {
    for (const worker of workers.splice(0)) worker.kill();
    for (const command of running.splice(0)) {
      command.child.kill("SIGTERM");
      await command.ended;
    }
  });

  async function start(namespace: string) {
    const data = mkdtempSync(join(folder, "data-"));
    const kubernetes = ["--kubernetes", "--kubeconfig", await account(namespace)];
    // The workers that the tests play send no heartbeats.
    const flags = ["--port", "0", "--data", data, "--lease-ms", "600000", ...kubernetes];
    const command = startCommand("coordinator", ...flags);
    running.push(command);
    const [, text = ""] = await command.line(/gRPC on \S+:(\d+)/);
    const port = Number(text);
    const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure());
    return {
      command,
      worker: async (id: string) => {
        const worker = new FakeWorker(port, id);
        workers.push(worker);
        await worker.next("welcome");
        return worker;
      },
      submit: () =>
        callUnary<Job__Output>(
          (done) => client.submit({ prompt: "a red circle", numInferenceSteps: 10 }, done),
          neverAborts,
        ),
    };
  }

  /** Pods of a Deployment whose names the test plays workers for. */
  async function deployment(name: string, replicas: number): Promise<string[]> {
    await plane.apply(
      `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: fleet}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, app.kubernetes.io/component: worker}}
    spec: {containers: [{name: worker, image: none}]}
`,
    );
    await plane.kubectl("-n", "fleet", "rollout", "status", `deployment/${name}`, "--timeout=180s");
    return pods(name);
  }

  async function pods(name: string): Promise<string[]> {
    const found = await podsOf(name);
    return found
      .filter(({ deletionTimestamp }) => deletionTimestamp === undefined)
      .map((pod) => pod.name)
      .sort();
  }

  async function costs(name: string): Promise<Record<string, string>> {
    const found = await podsOf(name);
    return Object.fromEntries(found.map((pod) => [pod.name, pod.annotations?.[COST] ?? "none"]));
  }

  async function podsOf(name: string): Promise<readonly PodMetadata[]> {
    const list = await plane.kubectl("-n", "fleet", "get", "pods", "-l", `app=${name}`, "-o", "json");
    const { items } = JSON.parse(list) as { items: { metadata: PodMetadata }[] };
    return items.map(({ metadata }) => metadata);
  }

  it("has Deployments shrink by idle workers first, then by the one whose job got least far", async () => {
    const names = await deployment("shrinking", 4);
    const coordinator = await start("fleet");
    const [a, b, c, d] = await Promise.all(names.map((id) => coordinator.worker(id)));
    assert.ok(a && b && c && d);
    const busy: FakeWorker[] = [];
    for (let i = 0; i < 2; i++) {
      await coordinator.submit();
      const worker = await Promise.any(
        [a, b, c, d]
          .filter((one) => !busy.includes(one))
          .map((one) => one.next("assign").then((to) => ({ one, to }))),
      );
      const { jobId, epoch } = worker.to;
      busy.push(worker.one);
      worker.one.send({ stageStarted: { jobId, epoch, stage: "STAGE_DENOISE" } });
      // So slow that none is missed for as long as the test takes.
      for (let step = 1; step <= 2 + 5 * i; step++)
        worker.one.send({ stepDone: { jobId, epoch, step, seconds: 120 } });
    }
    const [early, late] = busy as [FakeWorker, FakeWorker];
    const expected = Object.fromEntries(
      names.map((name) => [name, name === early.id ? "120" : name === late.id ? "170" : "-100"]),
    );
    await until("the costs are written", async () => assert.deepEqual(await costs("shrinking"), expected));
    await plane.kubectl("-n", "fleet", "scale", "deployment/shrinking", "--replicas=2");
    await until("two are left", async () => assert.equal((await pods("shrinking")).length, 2));
    assert.deepEqual(await pods("shrinking"), [early.id, late.id].sort());
    await plane.kubectl("-n", "fleet", "scale", "deployment/shrinking", "--replicas=1");
    await until("one is left", async () => assert.deepEqual(await pods("shrinking"), [late.id]));
  });

  it("moves the job off a node that is about to go, after the step in flight, and uses the node again after", async () => {
    const names = await deployment("tainted", 2);
    const coordinator = await start("fleet");
    const [first, second] = await Promise.all(names.map((id) => coordinator.worker(id)));
    assert.ok(first && second);
    const job = await coordinator.submit();
    const { worker, other, to } = await Promise.any([
      first.next("assign").then((assign) => ({ worker: first, other: second, to: assign })),
      second.next("assign").then((assign) => ({ worker: second, other: first, to: assign })),
    ]);
    const { jobId, epoch } = to;
    // No step yet: ten seconds after one the job would count as hung, and kubectl may take so long.
    worker.send({ stageStarted: { jobId, epoch, stage: "STAGE_DENOISE" } });
    const node = await plane.kubectl(
      "-n",
      "fleet",
      "get",
      "pod",
      worker.id,
      "-o",
      "jsonpath={.spec.nodeName}",
    );
    await plane.kubectl("taint", "node", node, "cloud.google.com/impending-node-termination=:NoSchedule");
    await coordinator.command.line(
      new RegExp(
        `"workerId":"${worker.id}","notice":"its node ${node} has the taint cloud.google.com/.*held back`,
      ),
    );
    assert.equal((await worker.next("yieldAssignment")).jobId, job.id);
    worker.send({ stepDone: { jobId, epoch, step: 1, seconds: 1 } });
    const error = { code: "cancelled", message: "stopped" };
    worker.send({ assignmentFailed: { jobId, epoch, error, retryable: true } });
    const again = await other.next("assign");
    assert.equal(again.jobId, job.id);
    assert.equal(Number(again.epoch), Number(epoch) + 1);

    await plane.kubectl("taint", "node", node, "cloud.google.com/impending-node-termination-");
    await coordinator.command.line(new RegExp(`"workerId":"${worker.id}".*let in again`));
    const next = await coordinator.submit();
    assert.equal((await worker.next("assign")).jobId, next.id);
  });

  it("hears of an eviction", async () => {
    const [name = ""] = await deployment("evicted", 1);
    const coordinator = await start("fleet");
    await coordinator.worker(name);
    const file = join(folder, "eviction.json");
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "fleet" } };
    writeFileSync(file, JSON.stringify(eviction));
    await plane.kubectl("create", "--raw", `/api/v1/namespaces/fleet/pods/${name}/eviction`, "-f", file);
    await coordinator.command.line(new RegExp(`"workerId":"${name}","notice":"its pod is .*held back`));
  });

  it("works on without a right that it lacks, and says which", async () => {
    await plane.apply(await coordinatorRights("poor", "--set", "coordinator.kubernetes.watchNodes=false"));
    const coordinator = await start("poor");
    await coordinator.command.line(
      /"code":"unsupported".*Kubernetes does not let us watch nodes: give our service account the right to list and watch nodes/,
    );
    const worker = await coordinator.worker("w");
    const job = await coordinator.submit();
    assert.equal((await worker.next("assign")).jobId, job.id);
  });

  it("has from the chart no right too many", async () => {
    const can = async (verb: string, what: string, ...where: readonly string[]): Promise<string> => {
      const user = `--as=system:serviceaccount:fleet:${COORDINATOR_ACCOUNT}`;
      const answer = await plane.kubectl("auth", "can-i", verb, what, user, ...where).catch(() => "no");
      return answer.trim();
    };
    const inFleet = ["-n", "fleet"];
    for (const [verb, what] of [
      ["list", "pods"],
      ["watch", "pods"],
      ["patch", "pods"],
    ] as const)
      assert.equal(await can(verb, what, ...inFleet), "yes", `${verb} ${what}`);
    for (const [verb, what] of [
      ["delete", "pods"],
      ["create", "pods"],
      ["create", "pods/eviction"],
      ["create", "pods/exec"],
      ["get", "leases.coordination.k8s.io"],
      ["create", "leases.coordination.k8s.io"],
      ["get", "secrets"],
      ["list", "secrets"],
      ["patch", "statefulsets.apps"],
      ["update", "deployments.apps"],
    ] as const)
      assert.equal(await can(verb, what, ...inFleet), "no", `${verb} ${what}`);
    assert.equal(await can("patch", "nodes"), "no");
    assert.equal(await can("list", "pods", "-n", "default"), "no");
    assert.equal(await can("list", "nodes"), "yes");
  });
});

/** Repeats an assertion until it holds. */
async function until(what: string, attempt: () => Promise<void>): Promise<void> {
  const deadline = systemClock.now() + 180_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (reason) {
      if (systemClock.now() > deadline) throw new Error(`waited in vain until ${what}`, { cause: reason });
      await systemClock.sleep(300, neverAborts);
    }
  }
}
