import type { V1Pod, V1Taint, V1Toleration } from "@kubernetes/client-node";

/**
 * Why a pod is about to go, in words for the log; undefined: it is not. Besides its own end and its eviction or
 * preemption these are the taints of its node that it does not tolerate: how a drain, an autoscaler and the providers of
 * spot machines announce that the node will go.
 */
export function noticeFor(pod: V1Pod, taints: readonly V1Taint[]): string | undefined {
  if (pod.metadata?.deletionTimestamp !== undefined) return "its pod is being deleted";
  const disruption = pod.status?.conditions?.find(
    ({ type, status }) => type === "DisruptionTarget" && status === "True",
  );
  if (disruption !== undefined) return `its pod is disrupted: ${disruption.reason ?? "no reason given"}`;
  const tolerations = pod.spec?.tolerations ?? [];
  const taint = taints.find(
    (one) => repels(one) && !tolerations.some((toleration) => tolerates(toleration, one)),
  );
  if (taint === undefined) return undefined;
  return `its node ${pod.spec?.nodeName} has the taint ${taint.key}:${taint.effect}`;
}

function repels({ effect }: V1Taint): boolean {
  return effect === "NoSchedule" || effect === "NoExecute";
}

function tolerates({ key, operator = "Equal", value = "", effect }: V1Toleration, taint: V1Taint): boolean {
  if (effect !== undefined && effect !== "" && effect !== taint.effect) return false;
  // Without a key, all taints.
  if (key === undefined || key === "") return operator === "Exists";
  return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
}
