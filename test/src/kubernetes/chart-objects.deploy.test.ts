// Every object that the chart makes, checked by schemas and by a real API server; nothing is made.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findTool } from "../clients/tool.js";
import { outcome, parseManifests, podTemplates, renderText, SCENARIOS } from "./chart.js";
import { NAMESPACE, startCluster } from "./chart-cluster.js";
import { writeSchemas } from "./openapi-schemas.js";

describe("the chart's objects", () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>;

  before(async () => {
    cluster = await startCluster();
  });

  after(() => cluster.stop());

  it("makes only objects that fit their schemas, unknown fields refused", async () => {
    const schemas = join(cluster.folder, "schemas");
    await writeSchemas(schemas, (path) => cluster.plane.kubectl("get", "--raw", path));
    const files: string[] = [];
    mkdirSync(join(cluster.folder, "rendered"));
    for (const { name, file } of SCENARIOS) {
      files.push(join(cluster.folder, "rendered", `${name}.yaml`));
      writeFileSync(files.at(-1) ?? "", await renderText("--values", file));
    }
    const location = `${schemas}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
    const check = (...paths: readonly string[]): ReturnType<typeof outcome> =>
      outcome(findTool("kubeconform"), "-strict", "-summary", "-schema-location", location, ...paths);
    const { code, text } = await check(...files);
    assert.equal(code, 0, text);
    assert.match(text, /Valid: [1-9]\d+, Invalid: 0, Errors: 0, Skipped: 0/);

    const wrong = join(cluster.folder, "wrong.yaml");
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
      await cluster.plane.apply(rendered, "--dry-run=server", "--namespace", NAMESPACE);
      // Dry runs make no service accounts, which pods need.
      const accounts = manifests.filter(({ kind }) => kind === "ServiceAccount");
      await cluster.plane.apply(
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
      await cluster.plane.apply(pods.join("\n---\n"), "--dry-run=server", "--namespace", NAMESPACE);
      await cluster.plane.kubectl(
        "--namespace",
        NAMESPACE,
        "delete",
        "serviceaccounts",
        "--selector",
        "app.kubernetes.io/instance=cog",
      );
    });

  it("is refused nothing less than that: a pod as root is not admitted", () =>
    assert.rejects(
      cluster.plane.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: root}\nspec: {containers: [{name: a, image: b}]}",
        "--namespace",
        NAMESPACE,
      ),
      /violates PodSecurity "restricted/,
    ));
});
