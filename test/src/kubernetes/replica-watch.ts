import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { systemClock } from "@cogfleet/core";
import { findTool } from "../clients/tool.js";

/** How many replicas are wanted of a StatefulSet, as the API server tells it: asking would cost a process each time. */
export interface ReplicaWatch {
  /** The number that is wanted now, and since when, by the system's clock. */
  wanted(): { readonly replicas: number; readonly sinceMs: number };
  stop(): Promise<void>;
}

/** Starts to listen; the first number is known when this resolves. */
export async function watchReplicas(
  kubeconfig: string,
  namespace: string,
  statefulSet: string,
): Promise<ReplicaWatch> {
  const where = ["--kubeconfig", kubeconfig, "--namespace", namespace];
  const what = ["get", "statefulset", statefulSet, "--watch", "-o", 'jsonpath={.spec.replicas}{"\\n"}'];
  const child = spawn(findTool("kubectl"), [...where, ...what], { stdio: ["ignore", "pipe", "ignore"] });
  let last = { replicas: Number.NaN, sinceMs: 0 };
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (Number(line) !== last.replicas) last = { replicas: Number(line), sinceMs: systemClock.now() };
  });
  await once(lines, "line");
  return {
    wanted: () => last,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
}
