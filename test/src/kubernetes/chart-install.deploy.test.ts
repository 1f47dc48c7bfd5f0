// The life of a release on a real control plane, its namespace under the Pod Security Standard "restricted". kwok runs no
// containers: what pods would run is run here, with the pods' own flags.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { findTool } from "../clients/tool.js";
import { CHART, outcome, parseManifests, podTemplates, renderText, SCENARIOS } from "./chart.js";
import { type ControlPlane, startControlPlane } from "./control-plane.js";
import { writeSchemas } from "./openapi-schemas.js";
import { type Pod, type PodProcess, podsOf, runClient, startPod } from "./pod-process.js";

const NAMESPACE = "video";
const WORKERS = "statefulset/cog-cogfleet-worker";

// What installations find in their cluster.
const CLUSTER = `apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: nvidia}
handler: nvidia
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: video}
value: 1000
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Ti}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /none}
`;

describe("the chart on a real control plane", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-chart-"));
  const running: PodProcess[] = [];
  let plane: ControlPlane;

  const helm = (...args: readonly string[]): ReturnType<typeof outcome> =>
    outcome(findTool("helm"), "--kubeconfig", plane.kubeconfig, "--namespace", NAMESPACE, ...args);
  const kubectl = (...args: readonly string[]): Promise<string> =>
    plane.kubectl("--namespace", NAMESPACE, ...args);
  const succeed = async (result: ReturnType<typeof outcome>): Promise<string> => {
    const { code, text } = await result;
    assert.equal(code, 0, text);
    return text;
  };
  // Not `rollout status`: after an eviction it may wait for a revision that is complete.
  const sixReady = (): Promise<string> =>
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=6", WORKERS, "--timeout=120s");
  const ready = (what: string): Promise<string> =>
    kubectl("get", what, "-o", "jsonpath={.status.readyReplicas}");

  before(async () => {
    plane = await startControlPlane(join(folder, "plane"));
    await plane.addCustomResources();
    await plane.apply(CLUSTER);
  });

  after(async () => {
    for (const process of running.toReversed()) await process.stop();
    await plane.stop();
    rmSync(folder, { recursive: true });
  });

  it("makes only objects that fit their schemas, unknown fields refused", async () => {
    const schemas = join(folder, "schemas");
    await writeSchemas(schemas, (path) => plane.kubectl("get", "--raw", path));
    const files: string[] = [];
    mkdirSync(join(folder, "rendered"));
    for (const { name, file } of SCENARIOS) {
      files.push(join(folder, "rendered", `${name}.yaml`));
      writeFileSync(files.at(-1) ?? "", await renderText("--values", file));
    }
    const location = `${schemas}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
    const check = (...paths: readonly string[]): ReturnType<typeof outcome> =>
      outcome(findTool("kubeconform"), "-strict", "-summary", "-schema-location", location, ...paths);
    const text = await succeed(check(...files));
    assert.match(text, /Valid: [1-9]\d+, Invalid: 0, Errors: 0, Skipped: 0/);

    const wrong = join(folder, "wrong.yaml");
    writeFileSync(wrong, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatum: {}\n");
    assert.match(
      (await check(wrong)).text,
      /additional properties 'datum' not allowed|Additional property datum/,
    );
  });

  for (const { name, file } of SCENARIOS)
    it(`makes what the server takes, and pods that "restricted" admits, with the values "${name}"`, async () => {
      const rendered = await renderText("--values", file);
      const manifests = parseManifests(rendered);
      await plane.apply(rendered, "--dry-run=server", "--namespace", NAMESPACE);
      // Dry runs make no service accounts, which pods need.
      const accounts = manifests.filter(({ kind }) => kind === "ServiceAccount");
      await plane.apply(
        accounts.map((account) => JSON.stringify(account)).join("\n---\n") || "{}",
        "--namespace",
        NAMESPACE,
      );
      const pods = podTemplates(manifests).map((template, index) =>
        JSON.stringify({
          apiVersion: "v1",
          kind: "Pod",
          ...template,
          metadata: { ...template.metadata, name: `pod-${index}` },
        }),
      );
      assert.ok(pods.length >= 3);
      await plane.apply(pods.join("\n---\n"), "--dry-run=server", "--namespace", NAMESPACE);
      await kubectl("delete", "serviceaccounts", "--selector", "app.kubernetes.io/instance=cog");
    });

  it("is refused nothing less than that: a pod as root is not admitted", () =>
    assert.rejects(
      plane.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: root}\nspec: {containers: [{name: a, image: b}]}",
        "--namespace",
        NAMESPACE,
      ),
      /violates PodSecurity "restricted/,
    ));

  it("installs and waits until all is ready", async () => {
    const text = await succeed(helm("install", "cog", CHART, "--wait", "--timeout", "120s"));
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
    const flags = ["--set", "worker.replicas=4,logLevel=debug", "--wait", "--timeout", "120s"];
    await succeed(helm("upgrade", "cog", CHART, ...flags));
    assert.equal(await ready(WORKERS), "4");
    const [coordinator] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    assert.notEqual(coordinator?.metadata.name, before[0]?.metadata.name);
    assert.ok(coordinator?.spec.containers[0]?.args.includes("--log-level=debug"));
  });

  it("refuses an upgrade with wrong values and stays as it was", async () => {
    const { code, text } = await helm("upgrade", "cog", CHART, "--set", "worker.device=rocm");
    assert.notEqual(code, 0);
    assert.match(text, /at '\/worker\/device'/);
    assert.equal(await ready(WORKERS), "4");
  });

  it("rolls back", async () => {
    await succeed(helm("rollback", "cog", "1", "--wait", "--timeout", "120s"));
    const [coordinator] = await podsOf(plane, NAMESPACE, "app.kubernetes.io/component=coordinator");
    assert.ok(coordinator?.spec.containers[0]?.args.includes("--log-level=info"));
  });

  it("scales", async () => {
    await kubectl("scale", WORKERS, "--replicas=6");
    await sixReady();
    assert.equal(await ready(WORKERS), "6");
  });

  it("lets a node be drained, one worker at a time", async () => {
    await plane.kubectl("drain", "node-0", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s");
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
    await kubectl("wait", "--for=condition=PodScheduled=false", "pod/cog-cogfleet-worker-0", "--timeout=60s");
    await assert.rejects(evict("cog-cogfleet-worker-1"), /violate the pod's disruption budget/);
    await plane.kubectl("uncordon", "node-0", "node-1", "node-2");
    await sixReady();
  });

  it("uninstalls, and leaves nothing but the jobs' volume", async () => {
    await succeed(helm("uninstall", "cog", "--wait", "--timeout", "60s"));
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
    const ended = helm("test", "cog", "--timeout", "120s");
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

async function untilOk(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  while (!(await fetch(url, { signal: deadline })).ok) await systemClock.sleep(100, deadline);
}
