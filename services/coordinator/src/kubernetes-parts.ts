import type { Clock, Logger } from "@cogfleet/core";
import type { CoordinatorConfig } from "./config.js";
import type { Coordinator } from "./coordinator.js";
import type { JobStore } from "./job-store.js";
import type { PodWarden } from "./k8s/pod-warden.js";
import type { LeaseRegister } from "./register-lease.js";

/** What a coordinator has of Kubernetes, if it was asked for. */
export interface KubernetesParts {
  readonly warden: PodWarden | undefined;
  readonly lease: LeaseRegister | undefined;
}

/**
 * The Kubernetes client is large, and needed in a cluster only: loaded when something is asked for. Throws
 * `invalid_config` when there are no credentials.
 */
export async function openKubernetesParts(
  config: CoordinatorConfig,
  deps: Pick<Coordinator, "dispatcher" | "workers"> & {
    readonly store: JobStore;
    readonly clock: Clock;
    readonly log: Logger;
  },
): Promise<KubernetesParts> {
  const { workerSelector, leaseName: name, leaderLeaseMs: leaseMs } = config;
  const isElecting = config.leaderElection === "kubernetes";
  if (!config.kubernetes && !isElecting) return { warden: undefined, lease: undefined };
  const [{ openKubernetes }, { PodWarden }, { kubernetesLeaseRegister }] = await Promise.all([
    import("./k8s/kubernetes.js"),
    import("./k8s/pod-warden.js"),
    import("./k8s/lease-register.js"),
  ]);
  const kubernetes = openKubernetes(config.kubeconfig);
  const { attempts } = deps.dispatcher;
  const wallTime = (): number => deps.clock.wallTime();
  return {
    warden: config.kubernetes
      ? new PodWarden({ ...deps, attempts, kubernetes }, { workerSelector })
      : undefined,
    lease: isElecting ? kubernetesLeaseRegister(kubernetes, { name, leaseMs }, wallTime) : undefined,
  };
}
