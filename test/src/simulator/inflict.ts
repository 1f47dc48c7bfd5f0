import type { Cluster } from "./cluster.js";
import type { Dice } from "./dice.js";
import { type Fault, workerHost } from "./faults.js";
import type { History } from "./history.js";
import type { Network } from "./network.js";
import type { Perils } from "./perils.js";
import type { Door } from "./sim-coordinator.js";

export interface Victims {
  readonly cluster: Cluster;
  readonly network: Network<Door>;
  readonly perils: Perils;
  readonly history: History;
  readonly dice: Dice;
}

/** Does to the cluster what the fault says. */
export function inflict({ cluster, network, perils, history, dice }: Victims, fault: Fault): void {
  const { kind, at, ...detail } = fault;
  history.tell({ kind: "fault", fault: kind, target: "", detail: JSON.stringify(detail) });
  switch (fault.kind) {
    case "kill worker":
      cluster.endWorker(fault.worker, fault.downMs, "kill");
      return;
    case "worker loses power":
      cluster.endWorker(fault.worker, fault.downMs, "power loss");
      return;
    case "stop worker":
      cluster.endWorker(fault.worker, fault.downMs, "stop");
      return;
    case "freeze worker":
      cluster.freezeWorker(fault.worker, fault.ms);
      return;
    case "slow worker":
      cluster.slowWorker(fault.worker, fault.factor, fault.ms);
      return;
    case "kill coordinator":
      cluster.endCoordinator(fault.coordinator, fault.downMs, "kill");
      return;
    case "coordinator loses power":
      cluster.endCoordinator(fault.coordinator, fault.downMs, "power loss");
      return;
    case "stop coordinator":
      cluster.endCoordinator(fault.coordinator, fault.downMs, "stop");
      return;
    case "freeze coordinator":
      cluster.freezeCoordinator(fault.coordinator, fault.ms);
      return;
    case "partition":
      network.cut(fault.from, fault.to, fault.ms);
      if (!fault.isOneWay) network.cut(fault.to, fault.from, fault.ms);
      return;
    case "reset":
      network.reset(fault.from, fault.to);
      return;
    case "repeat":
      network.repeat(workerHost(fault.worker), fault.ms);
      return;
    case "slow network":
      network.slow(fault.factor, fault.ms);
      return;
    case "store":
      perils.setMood(fault.mood, fault.ms);
      return;
    case "clock jump":
      cluster.jump(fault.host, fault.ms);
      return;
    case "damage":
      damage({ cluster, history, dice }, fault);
      return;
    case "crash":
      perils.arm(fault.point, fault.nth);
      return;
  }
}

/** Bytes of a checkpoint change on the disk. */
function damage(
  { cluster, history, dice }: Pick<Victims, "cluster" | "history" | "dice">,
  { how, at }: Extract<Fault, { kind: "damage" }>,
): void {
  const { blobs } = cluster.disk;
  const keys = [...blobs.keys()].filter((key) => key.includes("/step-"));
  const key = keys[Math.floor(dice.of(`damage ${at}`).next() * keys.length)];
  const blob = key === undefined ? undefined : blobs.get(key);
  if (key === undefined || blob === undefined) return;
  const data = how === "truncate" ? blob.data.slice(0, blob.data.length / 2) : blob.data.slice();
  const place = Math.floor(data.length / 2);
  if (how === "flip") data[place] = (data[place] ?? 0) ^ 1;
  blobs.set(key, { ...blob, data });
  history.tell({ kind: "damaged", process: "disk", key, sha256: "" });
}
