// What a kubelet would run, as processes of this machine: kwok runs nothing.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import process from "node:process";
import { systemClock } from "@cogfleet/core";
import { type Outcome, runCommand } from "../cli/command.js";
import { inRepository } from "../clients/tool.js";
import type { Container, Pod } from "./chart.js";
import type { ControlPlane } from "./control-plane.js";

/** A service that runs with the flags of a pod. */
export interface PodProcess {
  readonly child: ChildProcess;
  /** Of its gRPC server; 0 for none. */
  readonly port: number;
  readonly httpPort: number;
  /** Sends SIGTERM, as a kubelet does; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export async function podsOf(
  plane: ControlPlane,
  namespace: string,
  selector: string,
): Promise<readonly Pod[]> {
  const list = await plane.kubectl(
    "get",
    "pods",
    "--namespace",
    namespace,
    "--selector",
    selector,
    "-o",
    "json",
  );
  return JSON.parse(list).items;
}

/** How a pod's flags read on this machine: addresses and folders of the cluster become ours. */
export interface Substitutes {
  /** 127.0.0.1:PORT of the coordinator. */
  readonly coordinator: string;
  /** Holds what the pod has in /tmp and on volumes. */
  readonly folder: string;
  /** Of the pod's service account; without one the pod does not speak to Kubernetes. */
  readonly kubeconfig?: string;
  /** Host name of the pod, where that matters: processes of one machine share theirs, so that it becomes their id. */
  readonly id?: string;
  /** Holds tls.crt, tls.key and ca.crt, where the pod has them from a secret. */
  readonly tls?: string;
  /** NATS servers, as --nats-url takes them. */
  readonly nats?: string;
  /** Variables that the pod has from secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Runs a service's container; up when this resolves. */
export async function startPod(pod: Pod, substitutes: Substitutes): Promise<PodProcess> {
  const [container] = pod.spec.containers;
  if (container === undefined) throw new Error(`pod ${pod.metadata.name} has no container`);
  const args = localArgs(container.args, substitutes);
  const env = Object.fromEntries(
    container.env?.flatMap(({ name, value }) => (value ? [[name, value]] : [])) ?? [],
  );
  const child = fork(inRepository(`services/${container.name}/dist/main.js`), args, {
    silent: true,
    env: { ...env, ...substitutes.secrets, PATH: process.env["PATH"] },
  });
  let said = "";
  child.stderr?.on("data", (piece) => {
    said += piece;
  });
  const [{ port, httpPort }] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) =>
      Promise.reject(new Error(`${container.name} ended with ${code}: ${said}`)),
    ),
  ]);
  return {
    child,
    port,
    httpPort,
    stop: async () => {
      if (child.exitCode !== null) return child.exitCode;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = await gone;
      return code;
    },
  };
}

/** Runs the command-line client of a test's container to its end. */
export async function runClient(container: Container, substitutes: Substitutes): Promise<Outcome> {
  const [program, ...command] = container.command ?? [];
  if (program !== "cogfleet") throw new Error(`runs ${program}, not cogfleet`);
  return runCommand(...command, ...localArgs(container.args, substitutes));
}

function localArgs(
  args: readonly string[],
  { coordinator, folder, kubeconfig, id, tls = folder, nats = "" }: Substitutes,
): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const own = [
    ...(args.includes("--kubernetes") && kubeconfig !== undefined ? [`--kubeconfig=${kubeconfig}`] : []),
    ...(id === undefined ? [] : [`--id=${id}`]),
  ];
  // Without an account's credentials a pod does not speak to Kubernetes.
  const ours = args.filter((arg) => arg !== "--kubernetes" || kubeconfig !== undefined);
  const mapped = ours.map((arg) =>
    arg
      // First: what follows may bring in folders below /tmp.
      .replace(/=\/(tmp|var\/lib\/cogfleet)(?=\/|$)/, () => `=${folder}`)
      .replace(/=nats:\/\/[a-z-]+\.[a-z]+\.svc:4222$/, `=${nats}`)
      .replace(/=[a-z-]+-coordinators?\.[a-z]+\.svc:7070$/, `=${coordinator}`)
      .replace(/^--(port|http-port|exchange-port)=\d+$/, "--$1=0")
      .replace("--listen=0.0.0.0", "--listen=127.0.0.1")
      .replace("$(POD_IP)", "127.0.0.1")
      .replace("=/etc/cogfleet/tls/", () => `=${tls}/`)
      .replace("=/app/", `=${inRepository("/")}`),
  );
  return [...mapped, ...own];
}

/** Asks until the answer is a success. */
export async function untilOk(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(180_000);
  for (;;) {
    const answer = await fetch(url, { signal: deadline }).catch(() => undefined);
    if (answer?.ok === true) return;
    await systemClock.sleep(100, deadline);
  }
}
