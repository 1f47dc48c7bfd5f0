// Wrong values are refused before anything is made, with the path of each.
import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { inRepository } from "../clients/tool.js";
import { outcome, render } from "./chart.js";

const REFUSED: readonly (readonly [values: string, message: RegExp])[] = [
  ["replicaCount=3", /at '': additional properties 'replicaCount' not allowed/],
  ["worker.replica=3", /at '\/worker': additional properties 'replica' not allowed/],
  ["worker.device=rocm", /at '\/worker\/device': 'rocm' does not match pattern/],
  ["worker.replicas=-1", /at '\/worker\/replicas': minimum: got -1, want 0/],
  ["worker.replicas=many", /at '\/worker\/replicas': got string, want integer/],
  ["worker.kind=DaemonSet", /at '\/worker\/kind': value must be one of 'StatefulSet', 'Deployment'/],
  ["worker.model=models", /at '\/worker\/model': 'models' does not match pattern/],
  ["worker.shmSize=1G", /at '\/worker\/shmSize': '1G' does not match pattern/],
  ["worker.extraArgs={threads}", /at '\/worker\/extraArgs\/0': 'threads' does not match pattern/],
  ["worker.podDisruptionBudget.maxUnavailable=0", /at '\/worker\/podDisruptionBudget\/maxUnavailable'/],
  ["pools.worker.precision=fp8", /at '\/pools\/worker\/precision': value must be one of 'auto'/],
  ["pools.Big.replicas=1", /'Big' does not match pattern/],
  ["pools.coordinator.replicas=1", /invalid propertyName 'coordinator'/],
  ["coordinator.persistence.accessModes={Always}", /at '\/coordinator\/persistence\/accessModes\/0'/],
  [
    "coordinator.leaseMs=1000",
    /coordinator\.leaseMs of 1000 must be at least 3 times coordinator\.heartbeatMs of 1000/,
  ],
  ["coordinator.serviceAccount.create=false", /coordinator\.serviceAccount\.name must be given/],
  [
    "worker.autoscaling.enabled=true,worker.autoscaling.minReplicas=9",
    /pools\.worker\.autoscaling\.minReplicas of 9 must not be above maxReplicas of 8/,
  ],
  [
    "tls.enabled=true",
    /tls\.enabled needs one of tls\.existingSecret and tls\.certManager\.enabled, and not both/,
  ],
  ["tls.enabled=true,tls.certManager.enabled=true", /tls\.certManager\.issuerRef\.name must be given/],
  ["tls.certManager.duration=90d", /at '\/tls\/certManager\/duration': '90d' does not match pattern/],
  ["metrics.serviceMonitor.enabled=yes", /at '\/metrics\/serviceMonitor\/enabled': got string, want boolean/],
  ["networkPolicy.apiPorts={0}", /at '\/networkPolicy\/apiPorts\/0': minimum: got 0, want 1/],
];

describe("the chart's values", () => {
  for (const [values, message] of REFUSED)
    it(`refuse ${values}`, () => assert.rejects(render("--set", values), message));

  it("are each explained, in values.yaml and in the chart's README", async () => {
    const script = inRepository("scripts/generate-values-table.mjs");
    const { code, text } = await outcome(process.execPath, script, "--check");
    assert.equal(code, 0, text);
  });
});
