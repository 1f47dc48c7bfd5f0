// What the chart makes of its values, without a cluster.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCoordinatorConfig } from "@cogfleet/coordinator";
import { parseWorkerConfig } from "@cogfleet/worker";
import { findTool } from "../clients/tool.js";
import { CHART, type Container, helm, outcome, podTemplates, render, SCENARIOS } from "./chart.js";

const KUBERNETES_VERSIONS = ["1.29.0", "1.31.0", "1.34.0", "1.37.2"];

describe("the chart", () => {
  it("passes its template tests", async () => {
    const { code, text } = await outcome(findTool("helm-unittest"), CHART);
    assert.equal(code, 0, text);
    assert.match(text, /Tests: +\d\d+ passed/);
  });

  it("refuses a Kubernetes that is older than it supports", () =>
    assert.rejects(render("--kube-version=1.28.0"), /chart requires kubeVersion: >=1\.29\.0/));

  for (const { name, file } of SCENARIOS) {
    it(`passes helm lint --strict with the values "${name}"`, async () => {
      await helm("lint", "--strict", CHART, "--values", file);
    });

    it(`renders the same on every Kubernetes with the values "${name}"`, async () => {
      const rendered = await Promise.all(
        KUBERNETES_VERSIONS.map((version) => render("--values", file, "--kube-version", version)),
      );
      assert.ok(rendered.every((manifests) => manifests.length > 3));
      assert.equal(new Set(rendered.map((manifests) => JSON.stringify(manifests))).size, 1);
    });

    it(`gives the services only flags that they take, with the values "${name}"`, async () => {
      const containers = podTemplates(await render("--values", file)).flatMap(({ spec }) => spec.containers);
      const named = (name: string): readonly Container[] => containers.filter((one) => one.name === name);
      assert.ok(named("coordinator").length === 1 && named("worker").length > 0);
      for (const { args } of named("coordinator")) parseCoordinatorConfig(args, {});
      for (const { args } of named("worker")) parseWorkerConfig(args, {});
    });

    it(`gives objects names and labels that Kubernetes takes, with the values "${name}"`, async () => {
      const manifests = await render("--values", file);
      const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      assert.equal(new Set(names).size, names.length);
      for (const { metadata } of manifests)
        assert.match(metadata.name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    });
  }

  it("stays below Kubernetes' longest names with the longest names of its own", async () => {
    const long = "a".repeat(53); // Helm's longest release
    const manifests = await render("--set", `fullnameOverride=${long},pools.${"p".repeat(20)}.replicas=1`);
    for (const { metadata } of manifests) assert.ok(metadata.name.length <= 63, metadata.name);
  });
});
