import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findTool, output } from "../clients/tool.js";
import { type ControlPlane, startControlPlane } from "./control-plane.js";

describe("the control plane of the tests", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-control-plane-"));
  let plane: ControlPlane;

  before(async () => {
    plane = await startControlPlane(folder, { nodes: 2 });
  });

  after(async () => {
    await plane.stop();
    rmSync(folder, { recursive: true });
  });

  it("is Kubernetes 1.37", async () => {
    assert.match(await plane.kubectl("version"), /Server Version: v1\.37\./);
  });

  it("schedules a deployment's pods, which count as running", async () => {
    await plane.kubectl("create", "deployment", "some", "--image=none", "--replicas=3");
    await plane.kubectl("rollout", "status", "deployment/some", "--timeout=180s");
    const nodes = await plane.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}");
    assert.deepEqual([...new Set(nodes.split(" "))].sort(), ["node-0", "node-1"]);
  });

  it("counts GPUs", async () => {
    await plane.apply(`apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  containers: [{name: main, image: none, resources: {limits: {nvidia.com/gpu: 9}}}]
`);
    await plane.kubectl("wait", "--for=condition=PodScheduled=false", "pod/greedy", "--timeout=180s");
  });

  it("refuses fields that it does not know", async () => {
    const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndatum: {a: b}\n";
    await assert.rejects(
      plane.apply(manifest),
      /unknown field ".*datum"|\.datum: field not declared in schema/,
    );
  });

  it("knows the custom resources of the operators", async () => {
    await plane.addCustomResources();
    const kinds = await plane.kubectl("api-resources", "-o", "name");
    for (const kind of [
      "scaledobjects.keda.sh",
      "servicemonitors.monitoring.coreos.com",
      "prometheusrules.monitoring.coreos.com",
      "certificates.cert-manager.io",
      "leaderworkersets.leaderworkerset.x-k8s.io",
    ])
      assert.match(kinds, new RegExp(`^${kind.replaceAll(".", "\\.")}$`, "m"));
  });

  it("gives a service account no more rights than it has", async () => {
    const kubeconfig = await plane.kubeconfigOf("default", "default");
    await assert.rejects(
      output(findTool("kubectl"), ["--kubeconfig", kubeconfig, "get", "pods"]),
      /User "system:serviceaccount:default:default" cannot list resource "pods"/,
    );
  });
});
