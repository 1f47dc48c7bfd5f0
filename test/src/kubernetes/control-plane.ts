// A real Kubernetes control plane on loopback, without containers: etcd, kube-apiserver, controller-manager and
// scheduler as processes, and kwok in the kubelet's place: it marks scheduled pods as running and runs nothing.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "@cogfleet/core/testing";
import { findTool, inRepository, output } from "../clients/tool.js";
import { issueCertificate, makeAuthority, makeSigningKey } from "./certificates.js";
import { type Daemons, daemonsIn } from "./daemons.js";
import { KWOK_STAGES } from "./pretend-kubelet.js";

export interface ControlPlane {
  /** Where it lives: logs (NAME.log) and certificates (pki/ca.crt, pki/ca.key, ...). */
  readonly folder: string;
  /** Of an administrator. */
  readonly kubeconfig: string;
  /** https://127.0.0.1:PORT */
  readonly server: string;
  /** Runs kubectl as an administrator; what it wrote to stdout. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Applies manifests on the server's side, unknown fields refused. Waits for nothing. */
  apply(manifests: string, ...args: readonly string[]): Promise<string>;
  /** Adds the custom resources of KEDA, Prometheus operator, cert-manager and LeaderWorkerSet; no operator runs. */
  addCustomResources(): Promise<void>;
  /** Writes a kubeconfig that holds a token of the service account, as its pods have one; resolves with its path. */
  kubeconfigOf(namespace: string, serviceAccount: string): Promise<string>;
  /** Ends every process. Idempotent. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  /** Nodes, each with 64 CPUs, 512 GiB and 8 GPUs; default 3. */
  readonly nodes?: number;
}

/** Starts a control plane in a folder, which may be new. Nodes are ready when this resolves: 5 to 10 s. */
export async function startControlPlane(
  folder: string,
  { nodes = 3 }: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const pki = join(folder, "pki");
  mkdirSync(pki, { recursive: true });
  const [etcdPort = 0, peerPort = 0, apiPort = 0] = await freePorts(3);
  const server = `https://127.0.0.1:${apiPort}`;
  await makeCertificates(pki);

  const writeKubeconfig = (name: string, user: string, namespace = "default"): string => {
    const file = join(folder, name);
    writeFileSync(file, kubeconfigText({ server, ca: join(pki, "ca.crt"), user, namespace }));
    return file;
  };
  const administrator = `{client-certificate: ${pki}/admin.crt, client-key: ${pki}/admin.key}`;
  const kubeconfig = writeKubeconfig("kubeconfig", administrator);
  const kubectl = (...args: readonly string[]): Promise<string> =>
    output(findTool("kubectl"), ["--kubeconfig", kubeconfig, ...args]);
  let applied = 0;
  const apply = (manifests: string, ...args: readonly string[]): Promise<string> => {
    applied += 1;
    const file = join(folder, `applied-${applied}.yaml`);
    writeFileSync(file, manifests);
    return kubectl("apply", "--server-side", "--validate=strict", "-f", file, ...args);
  };

  const daemons = daemonsIn(folder);
  try {
    startApiServer(daemons, { folder, etcdPort, peerPort, apiPort });
    await daemons.until("the API server is ready", () => kubectl("get", "--raw=/readyz"));
    startControllers(daemons, { folder, kubeconfig });
    const names = Array.from({ length: nodes }, (_, index) => `node-${index}`);
    if (nodes > 0) await apply(names.map(nodeManifest).join("---\n"));
    await daemons.until("nodes and the default service account are ready", async () => {
      await kubectl("get", "serviceaccount", "default");
      if (nodes > 0) await kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=5s");
    });
  } catch (reason) {
    await daemons.stop();
    throw reason;
  }

  return {
    folder,
    kubeconfig,
    server,
    kubectl,
    apply,
    addCustomResources: async () => {
      await output("tar", ["-xJf", inRepository("test/kubernetes/crds.tar.xz"), "-C", folder]);
      await kubectl("apply", "--server-side", "-f", join(folder, "crds"));
      await daemons.until("the custom resources are served", () =>
        // One that was applied a moment ago has no conditions yet, which `wait` takes for an error.
        kubectl("wait", "--for=condition=Established", "crds", "--all", "--timeout=10s"),
      );
    },
    kubeconfigOf: async (namespace, serviceAccount) => {
      const token = await kubectl("create", "token", serviceAccount, "--namespace", namespace);
      return writeKubeconfig(
        `kubeconfig-${namespace}-${serviceAccount}`,
        `{token: ${token.trim()}}`,
        namespace,
      );
    },
    stop: daemons.stop,
  };
}

async function makeCertificates(pki: string): Promise<void> {
  const authority = await makeAuthority(pki, "ca");
  await issueCertificate(authority, pki, {
    name: "server",
    subject: "/CN=kube-apiserver",
    names: ["DNS:localhost", "DNS:kubernetes.default.svc", "IP:127.0.0.1", "IP:10.0.0.1"],
  });
  await issueCertificate(authority, pki, { name: "admin", subject: "/O=system:masters/CN=admin" });
  // How the API server presents itself to extension API servers, such as KEDA's.
  const frontProxy = await makeAuthority(pki, "front-proxy-ca");
  await issueCertificate(frontProxy, pki, { name: "front-proxy", subject: "/CN=front-proxy-client" });
  await makeSigningKey(pki, "service-accounts");
}

interface ApiServerOptions {
  readonly folder: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly apiPort: number;
}

function startApiServer(daemons: Daemons, { folder, etcdPort, peerPort, apiPort }: ApiServerOptions): void {
  const etcd = `http://127.0.0.1:${etcdPort}`;
  daemons.start(
    "etcd",
    `--data-dir=${join(folder, "etcd")}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  );
  daemons.start(
    "kube-apiserver",
    `--etcd-servers=${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${apiPort}`,
    "--endpoint-reconciler-type=none",
    "--authorization-mode=Node,RBAC",
    "--service-cluster-ip-range=10.0.0.0/24",
    "--tls-cert-file=pki/server.crt",
    "--tls-private-key-file=pki/server.key",
    "--client-ca-file=pki/ca.crt",
    "--service-account-key-file=pki/service-accounts.pub",
    "--service-account-signing-key-file=pki/service-accounts.key",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--proxy-client-cert-file=pki/front-proxy.crt",
    "--proxy-client-key-file=pki/front-proxy.key",
    "--requestheader-client-ca-file=pki/front-proxy-ca.crt",
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-username-headers=X-Remote-User",
  );
}

function startControllers(
  daemons: Daemons,
  { folder, kubeconfig }: { folder: string; kubeconfig: string },
): void {
  daemons.start(
    "kube-controller-manager",
    `--kubeconfig=${kubeconfig}`,
    "--secure-port=0",
    "--leader-elect=false",
    "--root-ca-file=pki/ca.crt",
    "--service-account-private-key-file=pki/service-accounts.key",
    "--horizontal-pod-autoscaler-sync-period=5s",
  );
  daemons.start("kube-scheduler", `--kubeconfig=${kubeconfig}`, "--secure-port=0", "--leader-elect=false");
  const stages = join(folder, "kwok-stages.yaml");
  writeFileSync(stages, KWOK_STAGES);
  daemons.start(
    "kwok",
    `--kubeconfig=${kubeconfig}`,
    `--config=${stages}`,
    "--manage-all-nodes=true",
    "--node-ip=127.0.0.1",
    "--cidr=10.244.0.0/16",
  );
}

interface KubeconfigFacts {
  readonly server: string;
  readonly ca: string;
  readonly user: string;
  readonly namespace: string;
}

function kubeconfigText({ server, ca, user, namespace }: KubeconfigFacts): string {
  return `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "${server}", certificate-authority: ${ca}}}]
users: [{name: user, user: ${user}}]
contexts: [{name: test, context: {cluster: test, user: user, namespace: ${namespace}}}]
current-context: test
`;
}

function nodeManifest(name: string): string {
  const amounts = '{cpu: "64", memory: 512Gi, pods: "200", nvidia.com/gpu: "8"}';
  return `apiVersion: v1
kind: Node
metadata:
  name: ${name}
  labels: {kubernetes.io/hostname: ${name}, topology.kubernetes.io/zone: zone-a}
status: {allocatable: ${amounts}, capacity: ${amounts}}
`;
}
