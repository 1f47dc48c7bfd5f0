// The register of the leader lease on a real API server, with the coordinator's own rights.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { kubernetesLeaseRegister, openKubernetes } from "@cogfleet/coordinator/k8s";
import { leaderLeaseSuite, RegisterLease, realTime } from "@cogfleet/coordinator/testing";
import { ClusterError, neverAborts, silentLogger, systemClock } from "@cogfleet/core";
import { type ControlPlane, startControlPlane } from "./control-plane.js";
import { COORDINATOR_ACCOUNT, coordinatorRights, leaseRights } from "./coordinator-rights.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-lease-"));
let plane: ControlPlane;
before(async () => {
  plane = await startControlPlane(folder, { nodes: 0 });
  await plane.apply(await coordinatorRights("fleet"));
  await plane.apply(leaseRights("fleet"));
});
after(async () => {
  await plane?.stop();
  rmSync(folder, { recursive: true });
});

const account = (namespace: string): Promise<string> => plane.kubeconfigOf(namespace, COORDINATOR_ACCOUNT);

leaderLeaseSuite("a Lease of Kubernetes", async () => {
  const kubernetes = openKubernetes(await account("fleet"));
  const name = `lease-${systemClock.wallTime()}`;
  const leaseMs = 2_400;
  const cut = new Set<string>();
  return {
    leaseMs,
    contender: (holder) => {
      const real = kubernetesLeaseRegister(kubernetes, { name, leaseMs }, () => systemClock.wallTime());
      const reach = (): void => {
        if (cut.has(holder)) throw new ClusterError("unavailable", "cut off");
      };
      const register: typeof real = {
        read: async (signal) => {
          reach();
          return real.read(signal);
        },
        write: async (record, revision, signal) => {
          reach();
          return real.write(record, revision, signal);
        },
      };
      const deps = { register, clock: systemClock, log: silentLogger };
      return new RegisterLease(deps, { holder, address: holder, leaseMs });
    },
    ...realTime,
    cut: (holder) => cut.add(holder),
    close: async () => {},
  };
});

describe("a Lease of Kubernetes", () => {
  it("shows who leads to people who look at it", async () => {
    const kubernetes = openKubernetes(await account("fleet"));
    const config = { name: "shown", leaseMs: 3000 };
    const register = kubernetesLeaseRegister(kubernetes, config, () => systemClock.wallTime());
    const record = { term: 7, holder: "coordinator-1", address: "10.0.0.1:7070" };
    await register.write(record, undefined, neverAborts);
    const shown = JSON.parse(await plane.kubectl("-n", "fleet", "get", "lease", "shown", "-o", "json"));
    assert.equal(shown.spec.holderIdentity, "coordinator-1");
    assert.equal(shown.spec.leaseTransitions, 7);
    assert.equal(shown.spec.leaseDurationSeconds, 3);
    assert.deepEqual((await register.read(neverAborts))?.record, record);
  });

  it("says which right is missing", async () => {
    await plane.apply(await coordinatorRights("poor", "--set", "coordinator.kubernetes.watchNodes=false"));
    const kubernetes = openKubernetes(await account("poor"));
    const register = kubernetesLeaseRegister(kubernetes, { name: "any", leaseMs: 3000 }, () => 0);
    await assert.rejects(register.read(neverAborts), {
      code: "unsupported",
      message:
        "Kubernetes does not let us read the lease poor/any: give our service account the right to get, create and update leases",
    });
  });
});
