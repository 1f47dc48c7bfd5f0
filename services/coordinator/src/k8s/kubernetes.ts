import { ClusterError } from "@cogfleet/core";
import { ApiException, CoordinationV1Api, CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";

/** The API server, as this process may speak to it. */
export interface Kubernetes {
  /** Where we, and our workers, live. */
  readonly namespace: string;
  readonly core: CoreV1Api;
  readonly coordination: CoordinationV1Api;
  readonly watch: Watch;
}

/** What stands for the service account that Kubernetes gives to a pod. */
export const POD_CREDENTIALS = "pod";

/**
 * @param kubeconfig a file, or POD_CREDENTIALS. Throws `invalid_config` when there is neither.
 */
export function openKubernetes(kubeconfig: string): Kubernetes {
  const config = new KubeConfig();
  try {
    if (kubeconfig === POD_CREDENTIALS) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ClusterError("invalid_config", `--kubeconfig ${kubeconfig} cannot be used: ${message}`, {
      cause,
    });
  }
  if (config.getCurrentCluster()?.server.includes("undefined") ?? true)
    throw new ClusterError(
      "invalid_config",
      kubeconfig === POD_CREDENTIALS
        ? "--kubeconfig pod works in a pod of Kubernetes only: name a file elsewhere"
        : `--kubeconfig ${kubeconfig} names no cluster`,
    );
  return {
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
    core: config.makeApiClient(CoreV1Api),
    coordination: config.makeApiClient(CoordinationV1Api),
    watch: new Watch(config),
  };
}

/** What went wrong with a call, in our words; `right` says what the service account needs for it. */
export function kubernetesError(reason: unknown, what: string, right: string): ClusterError {
  if (reason instanceof ClusterError) return reason;
  const status = statusOf(reason);
  if (status === 403 || status === 401)
    return new ClusterError(
      "unsupported",
      `Kubernetes does not let us ${what}: give our service account the right to ${right}`,
      { cause: reason, details: { status } },
    );
  return new ClusterError("unavailable", `could not ${what}`, { cause: reason, details: { status } });
}

/** HTTP status of a failed call; 0 when there was no answer. */
export function statusOf(reason: unknown): number {
  if (reason instanceof ApiException) return reason.code;
  if (reason instanceof Error && "statusCode" in reason) return Number(reason.statusCode);
  return 0;
}
