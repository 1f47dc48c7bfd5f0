// The chart's mode nats, run as processes: three NATS servers with the rendered configuration, two coordinators and a
// worker with the rendered flags.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePorts } from "@cogfleet/core/testing";
import { type Manifest, podNamed, render } from "./chart.js";
import { type Daemons, daemonsIn } from "./daemons.js";
import { type PodProcess, runClient, startPod, untilOk } from "./pod-process.js";

const SERVERS = [0, 1, 2] as const;

describe("several coordinators as the chart starts them", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-chart-nats-"));
  const coordinators: PodProcess[] = [];
  const workers: PodProcess[] = [];
  let servers: Daemons;
  let monitors: readonly number[];
  let manifests: readonly Manifest[];

  before(async () => {
    const auth = "nats.auth.existingSecret=nats-user";
    manifests = await render("--set", `mode=nats,nats.enabled=true,${auth}`);
    const config = manifests.find(
      ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "cog-nats",
    );
    const text = config?.data?.["nats.conf"];
    assert.ok(text);
    servers = daemonsIn(folder);
    const ports = await freePorts(9);
    const of = (server: number): { client: number; cluster: number; monitor: number } => ({
      client: ports[server] ?? 0,
      cluster: ports[3 + server] ?? 0,
      monitor: ports[6 + server] ?? 0,
    });
    monitors = SERVERS.map((server) => of(server).monitor);
    for (const index of SERVERS) {
      const home = join(folder, `nats-${index}`);
      mkdirSync(home);
      const file = join(home, "nats.conf");
      writeFileSync(
        file,
        onThisMachine(
          text,
          home,
          of(index),
          SERVERS.map((server) => of(server).cluster),
        ),
      );
      const variables = { POD_NAME: `cog-nats-${index}`, NATS_USER: "fleet", NATS_PASSWORD: "secret" };
      servers.startAs(`nats-${index}`, "nats-server", variables, "--config", file);
    }
    for (const monitor of monitors)
      await servers.until("NATS is healthy", () => untilOk(`http://127.0.0.1:${monitor}/healthz`));

    const nats = SERVERS.map((index) => `nats://127.0.0.1:${of(index).client}`).join(",");
    const secrets = { COGFLEET_NATS_USER: "fleet", COGFLEET_NATS_PASSWORD: "secret" };
    for (const name of ["first", "second"])
      coordinators.push(
        await startPod(podNamed("coordinator", manifests), {
          coordinator: "",
          folder: join(folder, name),
          nats,
          secrets,
        }),
      );
    const both = coordinators.map(({ port }) => `127.0.0.1:${port}`).join(",");
    workers.push(
      await startPod(podNamed("worker", manifests), { coordinator: both, folder: join(folder, "worker") }),
    );
    await untilOk(`http://127.0.0.1:${workers[0]?.httpPort}/readyz`);
  });

  after(async () => {
    for (const process of [...workers, ...coordinators]) await process.stop();
    await servers.stop();
    rmSync(folder, { recursive: true });
  });

  const generate = async ({ port }: PodProcess): ReturnType<typeof runClient> => {
    const [client] = podNamed("generate", manifests).spec.containers;
    assert.ok(client);
    return runClient(client, { coordinator: `127.0.0.1:${port}`, folder: join(folder, "client") });
  };

  it("is backed by servers that sync what they acknowledge, and are one cluster", async () => {
    for (const monitor of monitors) {
      const answer = await fetch(`http://127.0.0.1:${monitor}/jsz?config=true`);
      const jetStream = (await answer.json()) as {
        readonly config: { readonly sync_always?: boolean };
        readonly meta_cluster: { readonly cluster_size: number };
      };
      assert.equal(jetStream.config.sync_always, true);
      assert.equal(jetStream.meta_cluster.cluster_size, SERVERS.length);
    }
  });

  it("makes a video through either coordinator", async () => {
    for (const coordinator of coordinators) {
      const { code, err } = await generate(coordinator);
      assert.equal(code, 0, err.join("\n"));
    }
  });

  it("goes on when the one that was started first is gone", async () => {
    const [first, second] = coordinators;
    assert.ok(first && second);
    assert.equal(await first.stop(), 0);
    const { code, err } = await generate(second);
    assert.equal(code, 0, err.join("\n"));
  });
});

interface Ports {
  readonly client: number;
  readonly cluster: number;
  readonly monitor: number;
}

/** The configuration of a pod with addresses and folders of this machine. */
function onThisMachine(config: string, home: string, ports: Ports, clusterPorts: readonly number[]): string {
  let route = 0;
  return config
    .replace("0.0.0.0:4222", `127.0.0.1:${ports.client}`)
    .replace("0.0.0.0:6222", `127.0.0.1:${ports.cluster}`)
    .replace("0.0.0.0:8222", `127.0.0.1:${ports.monitor}`)
    .replaceAll(/nats:\/\/cog-nats-\d\.[a-z.-]+:6222/g, () => `nats://127.0.0.1:${clusterPorts[route++]}`)
    .replace("/tmp/nats.pid", join(home, "nats.pid"))
    .replace("store_dir: /data", `store_dir: ${join(home, "data")}`);
}
