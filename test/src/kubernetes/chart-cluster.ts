import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ControlPlane, startControlPlane } from "./control-plane.js";

/** Where the chart is installed: the Pod Security Standard "restricted" is enforced there. */
export const NAMESPACE = "video";

// What installations find in their cluster.
const CLUSTER = `apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: nvidia}
handler: nvidia
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: video}
value: 1000
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Ti}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /none}
`;

/** A control plane as the chart's users have it, in a folder of its own, which goes with `stop`. */
export async function startCluster(): Promise<{
  readonly plane: ControlPlane;
  readonly folder: string;
  stop(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-chart-"));
  const plane = await startControlPlane(join(folder, "plane"));
  await plane.addCustomResources();
  await plane.apply(CLUSTER);
  return {
    plane,
    folder,
    stop: async () => {
      await plane.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
