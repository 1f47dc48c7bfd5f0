// The flags that the chart gives with TLS make a fleet that takes only who has a certificate.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issueCertificate, makeAuthority } from "./certificates.js";
import { type Manifest, podTemplates, render } from "./chart.js";
import { type Pod, type PodProcess, runClient, startPod } from "./pod-process.js";

describe("a fleet with the chart's TLS flags", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-chart-tls-"));
  const tls = join(folder, "tls");
  const running: PodProcess[] = [];
  let manifests: readonly Manifest[];
  let coordinator = "";

  const podWith = (container: string, from: readonly Manifest[]): Pod => {
    const template = podTemplates(from).find(({ spec }) =>
      spec.containers.some(({ name }) => name === container),
    );
    assert.ok(template);
    return { metadata: { name: container, namespace: "video" }, spec: template.spec };
  };
  const generate = async (from: readonly Manifest[]): ReturnType<typeof runClient> => {
    const [client] = podWith("generate", from).spec.containers;
    assert.ok(client);
    return runClient(client, { coordinator, folder: join(folder, "client"), tls });
  };

  before(async () => {
    const authority = await makeAuthority(tls, "ca");
    await issueCertificate(authority, tls, {
      name: "tls",
      subject: "/CN=cogfleet",
      names: ["DNS:cog-cogfleet-coordinator.video.svc"],
    });
    manifests = await render("--set", "tls.enabled=true,tls.existingSecret=fleet-tls");
    for (const service of ["coordinator", "worker"]) {
      const pod = podWith(service, manifests);
      const process = await startPod(pod, { coordinator, folder: join(folder, service), tls });
      running.push(process);
      if (service === "coordinator") coordinator = `127.0.0.1:${process.port}`;
    }
    const worker = running.at(-1);
    const ready = async (): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${worker?.httpPort}/readyz`)).ok;
    while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 100));
  });

  after(async () => {
    for (const process of running.toReversed()) await process.stop();
    rmSync(folder, { recursive: true });
  });

  it("makes a video", async () => {
    const { code, err } = await generate(manifests);
    assert.equal(code, 0, err.join("\n"));
  });

  it("lets no client in that has no certificate", async () => {
    const { code, err } = await generate(await render());
    assert.notEqual(code, 0);
    assert.match(err.join("\n"), /cannot reach the coordinator|plaintext|TLS/);
  });
});
