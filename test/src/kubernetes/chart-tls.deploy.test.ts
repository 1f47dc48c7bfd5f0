// The flags that the chart gives with TLS make a fleet that takes only who has a certificate.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { issueCertificate, makeAuthority } from "./certificates.js";
import { type Manifest, podNamed, render } from "./chart.js";
import { type PodProcess, runClient, startPod, untilOk } from "./pod-process.js";

describe("a fleet with the chart's TLS flags", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-chart-tls-"));
  const tls = join(folder, "tls");
  const running: PodProcess[] = [];
  let manifests: readonly Manifest[];
  let coordinator = "";

  const generate = async (from: readonly Manifest[]): ReturnType<typeof runClient> => {
    const [client] = podNamed("generate", from).spec.containers;
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
      const pod = podNamed(service, manifests);
      const process = await startPod(pod, { coordinator, folder: join(folder, service), tls });
      running.push(process);
      if (service === "coordinator") coordinator = `127.0.0.1:${process.port}`;
    }
    await untilOk(`http://127.0.0.1:${running.at(-1)?.httpPort}/readyz`);
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
