// The life of a release on a real control plane, its namespace under the Pod Security Standard "restricted". kwok runs no
// containers: what pods would run is run here, with the pods' own flags.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { findTool } from "../clients/tool.js";
import { CHART, outcome, type Pod } from "./chart.js";
import { NAMESPACE, startCluster } from "./chart-cluster.js";
import type { ControlPlane } from "./control-plane.js";
import { type PodProcess, podsOf, runClient, startPod, untilOk } from "./pod-process.js";

const WORKERS = "statefulset/cog-cogfleet-worker";

describe("the chart on a real control plane", () => {
  let folder = "";
  let stopCluster: () => Promise<void>;
  const running: PodProcess[] = [];
  let plane: ControlPlane;

  const helm = (...args: readonly string[]): ReturnType<typeof outcome> =>
    outcome(findTool("helm"), "--kubeconfig", plane.kubeconfig, "--namespace", NAMESPACE, ...args);
  const kubectl = (...args: readonly string[]): Promise<string> =>
    plane.kubectl("--namespace", NAMESPACE, ...args);
  const succeed = async (result: ReturnType<typeof outcome>): Promise<string> => {
    const { code, text } = await result;
    if (code !== 0)
      throw new Error(`${text}\n${await kubectl("get", "statefulsets,deployments,pods", "-o", "yaml")}`);
    return text;
  };
  // Of each pod, not of the set: its count of ready ones lags behind, and a pod that is not ready may always be evicted.
  const sixReady = async (): Promise<void> => {
    const pods = Array.from({ length: 6 }, (_, index) => `pod/cog-cogfleet-worker-${index}`);
    await kubectl("wait", "--for=create", ...pods, "--timeout=180s");
    await kubectl("wait", "--for=condition=Ready", ...pods, "--timeout=180s");
  };
  // helm takes a set of the new size for ready before its pods are.
  const fourReady = (): Promise<string> =>
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=4", WORKERS, "--timeout=180s");
  const ready = (what: string): Promise<string> =>
    kubectl("get", what, "-o", "jsonpath={.status.readyReplicas}");

  before(async () => {
    ({ plane, folder, stop: stopCluster } = await startCluster());
  });

  after(async () => {
    for (const process of running.toReversed()) await process.stop();
    await stopCluster();
  });

  it("installs and waits until all is ready", async () => {
    const text = await succeed(helm("install", "cog", CHART, "--wait", "--timeout", "180s"));
    assert.match(text, /helm --namespace video test cog/);
    assert.equal(await ready("deployment/cog-cogfleet-coordinator"), "1");
    assert.equal(await ready(WORKERS), "1");
  });

  it("passes helm test when the release works: its pods' flags make a fleet that makes a video", async () => {
    const [coordinatorPod] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    const [workerPod] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=worker");
    assert.ok(coordinatorPod && workerPod);
    const coordinator = await startPod(coordinatorPod, {
      coordinator: "",
      folder: join(folder, "coordinator"),
      kubeconfig: await plane.kubeconfigOf(NAMESPACE, "cog-cogfleet-coordinator"),
    });
    running.push(coordinator);
    const address = `127.0.0.1:${coordinator.port}`;
    const worker = await startPod(workerPod, { coordinator: address, folder: join(folder, "worker") });
    running.push(worker);
    for (const { httpPort } of [coordinator, worker])
      for (const path of ["healthz", "readyz"]) await untilOk(`http://127.0.0.1:${httpPort}/${path}`);

    const { code, text, said } = await helmTest(address);
    assert.equal(code, 0, text + said);
    assert.match(text, /Phase: +Succeeded/);
  });

  it("fails helm test when the fleet does not make videos", async () => {
    for (const process of running.splice(0).toReversed()) assert.equal(await process.stop(), 0);
    const [coordinatorPod] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    assert.ok(coordinatorPod);
    // Without any worker.
    const alone = await startPod(coordinatorPod, { coordinator: "", folder: join(folder, "alone") });
    running.push(alone);
    const { code, text, said } = await helmTest(`127.0.0.1:${alone.port}`);
    assert.match(said, /no worker has offered a model yet/);
    assert.notEqual(code, 0, text);
    assert.match(text, /Phase: +Failed/);
  });

  it("fails helm test when nobody answers", async () => {
    const { code, text, said } = await helmTest("127.0.0.1:1");
    assert.match(said, /cannot reach the coordinator/);
    assert.notEqual(code, 0, text);
  });

  it("upgrades in place", async () => {
    const before = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    const flags = ["--set", "worker.replicas=4,logLevel=debug", "--wait", "--timeout", "180s"];
    await succeed(helm("upgrade", "cog", CHART, ...flags));
    await fourReady();
    const [coordinator] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    assert.notEqual(coordinator?.metadata.name, before[0]?.metadata.name);
    assert.ok(coordinator?.spec.containers[0]?.args.includes("--log-level=debug"));
  });

  it("refuses an upgrade with wrong values and stays as it was", async () => {
    const { code, text } = await helm("upgrade", "cog", CHART, "--set", "worker.device=rocm");
    assert.notEqual(code, 0);
    assert.match(text, /at '\/worker\/device'/);
    await fourReady();
  });

  it("rolls back", async () => {
    await succeed(helm("rollback", "cog", "1", "--wait", "--timeout", "180s"));
    const [coordinator] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    assert.ok(coordinator?.spec.containers[0]?.args.includes("--log-level=info"));
  });

  it("scales", async () => {
    await kubectl("scale", WORKERS, "--replicas=6");
    await sixReady();
  });

  it("lets a node be drained, one worker at a time", async () => {
    await plane.kubectl("drain", "node-0", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s");
    await sixReady();
    const nodes = await kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}");
    assert.ok(!nodes.includes("node-0"), nodes);

    // Where nothing can replace a drained worker, its budget keeps the others.
    await plane.kubectl("cordon", "node-1", "node-2");
    const evict = (name: string): Promise<string> => {
      const file = join(folder, "eviction.json");
      const eviction = {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name, namespace: NAMESPACE },
      };
      writeFileSync(file, JSON.stringify(eviction));
      return plane.kubectl(
        "create",
        "--raw",
        `/api/v1/namespaces/${NAMESPACE}/pods/${name}/eviction`,
        "-f",
        file,
      );
    };
    await evict("cog-cogfleet-worker-0");
    await kubectl(
      "wait",
      "--for=condition=PodScheduled=false",
      "pod/cog-cogfleet-worker-0",
      "--timeout=180s",
    );
    await assert.rejects(evict("cog-cogfleet-worker-1"), /violate the pod's disruption budget/);
    await plane.kubectl("uncordon", "node-0", "node-1", "node-2");
    await sixReady();
  });

  it("uninstalls, and leaves nothing but the jobs' volume", async () => {
    await succeed(helm("uninstall", "cog", "--wait", "--timeout", "180s"));
    const kinds =
      "deployments,statefulsets,services,serviceaccounts,configmaps,secrets,pods,pdb,networkpolicies,roles,rolebindings,pvc,jobs";
    const left = await kubectl("get", kinds, "--selector", "app.kubernetes.io/instance=cog", "-o", "name");
    const names = left
      .trim()
      .split("\n")
      .filter((name) => !name.startsWith("job") && !name.startsWith("pod/cog-cogfleet-test"));
    assert.deepEqual(names, ["persistentvolumeclaim/cog-cogfleet-coordinator"]);
  });

  /** `helm test`, its Job's command run against a coordinator of ours. */
  async function helmTest(
    coordinator: string,
  ): Promise<{ readonly code: number | null; readonly text: string; readonly said: string }> {
    const ended = helm("test", "cog", "--timeout", "180s");
    const pod = await newTestPod();
    const [container] = pod.spec.containers;
    assert.ok(container);
    const { code, err } = await runClient(container, { coordinator, folder: join(folder, "client") });
    const terminated = { exitCode: code, reason: code === 0 ? "Completed" : "Error" };
    const status = {
      phase: code === 0 ? "Succeeded" : "Failed",
      containerStatuses: [
        {
          name: container.name,
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated },
        },
      ],
    };
    const patch = JSON.stringify({ status });
    await kubectl(
      "patch",
      "pod",
      pod.metadata.name,
      "--subresource=status",
      "--type=merge",
      "--patch",
      patch,
    );
    return { ...(await ended), said: err.join("\n") };
  }

  const seen = new Set<string>();
  async function newTestPod(): Promise<Pod> {
    for (;;) {
      const pods = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=test");
      const fresh = pods.find(({ metadata }) => !seen.has(metadata.name));
      if (fresh !== undefined) {
        seen.add(fresh.metadata.name);
        return fresh;
      }
      await systemClock.sleep(200, AbortSignal.timeout(60_000));
    }
  }
});
