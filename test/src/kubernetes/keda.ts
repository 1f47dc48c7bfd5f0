// Real KEDA 2.21 beside a control plane of ours: its operator and its metrics adapter as processes on loopback.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@cogfleet/core/testing";
import { issueCertificate } from "./certificates.js";
import type { ControlPlane } from "./control-plane.js";
import { daemonsIn } from "./daemons.js";

export interface Keda {
  /** Ends its processes. ScaledObjects must be gone by then: they wait for KEDA before they go. */
  stop(): Promise<void>;
}

/** Starts KEDA; its metrics are served by the API server when this resolves. The plane has its custom resources. */
export async function startKeda(plane: ControlPlane): Promise<Keda> {
  const folder = join(plane.folder, "keda");
  mkdirSync(folder, { recursive: true });
  const pki = join(plane.folder, "pki");
  const authority = { certificate: join(pki, "ca.crt"), key: join(pki, "ca.key") };
  // Adapter and operator speak mutual TLS; the name is the one that KEDA's own rotation would issue.
  await issueCertificate(authority, folder, {
    name: "tls",
    subject: "/CN=keda-operator.keda.svc",
    names: [
      "DNS:keda-operator.keda.svc",
      "DNS:keda-metrics-apiserver.keda.svc",
      "DNS:localhost",
      "IP:127.0.0.1",
    ],
  });
  const [metrics = 0, health = 0, service = 0, adapter = 0, adapterMetrics = 0] = await freePorts(5);
  const ca = readFileSync(authority.certificate);
  writeFileSync(join(folder, "ca.crt"), ca);
  await plane.apply(manifests(adapter, ca));
  const kubeconfig = await plane.kubeconfigOf("keda", "keda-operator");

  const daemons = daemonsIn(folder);
  const variables = { POD_NAMESPACE: "keda", KEDA_CLUSTER_OBJECT_NAMESPACE: "keda", WATCH_NAMESPACE: "" };
  daemons.startAs(
    "keda-operator",
    "keda-operator",
    variables,
    `--kubeconfig=${kubeconfig}`,
    `--cert-dir=${folder}`,
    "--enable-cert-rotation=false",
    "--leader-elect=false",
    `--metrics-bind-address=127.0.0.1:${metrics}`,
    `--health-probe-bind-address=127.0.0.1:${health}`,
    `--metrics-service-bind-address=127.0.0.1:${service}`,
  );
  daemons.startAs(
    "keda-adapter",
    "keda-adapter",
    variables,
    ...["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig", "lister-kubeconfig"].map(
      (flag) => `--${flag}=${kubeconfig}`,
    ),
    "--bind-address=127.0.0.1",
    `--secure-port=${adapter}`,
    `--cert-dir=${folder}`,
    `--tls-cert-file=${folder}/tls.crt`,
    `--tls-private-key-file=${folder}/tls.key`,
    `--metrics-service-address=127.0.0.1:${service}`,
    `--port=${adapterMetrics}`,
  );
  try {
    await daemons.until("KEDA serves its metrics", async () => {
      await plane.kubectl("get", "--raw=/apis/external.metrics.k8s.io/v1beta1");
      const ready = await fetch(`http://127.0.0.1:${health}/readyz`);
      if (!ready.ok) throw new Error(`operator: ${ready.status}`);
    });
  } catch (reason) {
    await daemons.stop();
    throw reason;
  }
  return { stop: daemons.stop };
}

/**
 * Its namespace, its account, and the way from the API server to the adapter. Endpoints on loopback are refused, so the
 * service is a name for it. What KEDA may do is KEDA's affair: here it may do everything.
 */
function manifests(adapterPort: number, ca: Buffer): string {
  return `apiVersion: v1
kind: Namespace
metadata: {name: keda}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: keda-operator, namespace: keda}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: keda-operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: keda-operator, namespace: keda}]
---
apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  service: {name: keda-metrics-apiserver, namespace: keda, port: ${adapterPort}}
  caBundle: ${ca.toString("base64")}
`;
}
