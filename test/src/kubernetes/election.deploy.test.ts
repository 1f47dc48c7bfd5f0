// Two coordinators on one NATS server, with a Lease of a real control plane between them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { NatsServer, natsFolder, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { leaderOf, type Replica, replica, until, worker } from "../replicas/service.js";
import { type ControlPlane, startControlPlane } from "./control-plane.js";
import { COORDINATOR_ACCOUNT, coordinatorRights, leaseRights } from "./coordinator-rights.js";

describe("an election by a Lease of Kubernetes", { timeout: 540_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-election-"));
  const { folder: natsData, remove } = natsFolder();
  const replicas: Replica[] = [];
  let plane: ControlPlane;
  let nats: NatsServer;
  before(async () => {
    plane = await startControlPlane(folder, { nodes: 0 });
    await plane.apply(await coordinatorRights("fleet"));
    await plane.apply(leaseRights("fleet"));
    nats = await NatsServer.start({ program: natsProgram(), folder: natsData, sync: true });
  });
  after(async () => {
    for (const one of replicas) await one.end("SIGKILL");
    await nats?.kill();
    await plane?.stop();
    remove();
    rmSync(folder, { recursive: true });
  });

  const start = async (): Promise<Replica> => {
    const kubeconfig = await plane.kubeconfigOf("fleet", COORDINATOR_ACCOUNT);
    const one = await replica(nats.url, "elected", [
      "--leader-election",
      "kubernetes",
      "--kubeconfig",
      kubeconfig,
    ]);
    replicas.push(one);
    return one;
  };
  const lease = async () =>
    JSON.parse(await plane.kubectl("-n", "fleet", "get", "lease", "cogfleet-coordinator", "-o", "json"));

  it("passes on when the leader is killed, and its job is finished by its successor", async () => {
    const first = await start();
    await leaderOf([first]);
    const second = await start();
    const address = `127.0.0.1:${first.port}`;
    assert.equal((await lease()).metadata.annotations["cogfleet.io/address"], address);
    const computing = await worker([first.port, second.port]);
    try {
      await until("the model is known to both", async () => {
        const models = await new Promise<number>((resolve, reject) =>
          second.client.listModels({}, (error, response) =>
            error ? reject(error) : resolve(response?.models.length ?? 0),
          ),
        );
        return models > 0;
      });
      const job = await second.submit({ prompt: "a red circle moves right", numInferenceSteps: 60 });
      await until("it runs", async () => (await second.get(job.id)).state === "JOB_STATE_RUNNING");
      const before = await lease();
      await first.end("SIGKILL");
      const history = await second.history(job.id);
      assert.equal(history.at(-1)?.state, "JOB_STATE_COMPLETED");
      const now = await lease();
      assert.notEqual(now.spec.holderIdentity, before.spec.holderIdentity);
      assert.ok(now.spec.leaseTransitions > before.spec.leaseTransitions);
      assert.equal(now.metadata.annotations["cogfleet.io/address"], `127.0.0.1:${second.port}`);
    } finally {
      computing.kill("SIGKILL");
    }
  });
});
