import { renderRelease } from "./chart.js";

export const COORDINATOR_ACCOUNT = "cog-cogfleet-coordinator";

/** A namespace and in it the coordinator's service account with its rights, as the chart makes them. */
export async function coordinatorRights(namespace: string, ...flags: readonly string[]): Promise<string> {
  const only = ["--show-only", "templates/coordinator-rights.yaml"];
  const rights = await renderRelease(namespace, ...only, ...flags);
  return `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${namespace}}\n---\n${rights}`;
}

/** What a coordinator needs besides to take part in an election by a Lease. */
export function leaseRights(namespace: string): string {
  const metadata = `{name: leases, namespace: ${namespace}}`;
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: ${metadata}
rules:
  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: ${metadata}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases}
subjects: [{kind: ServiceAccount, name: ${COORDINATOR_ACCOUNT}, namespace: ${namespace}}]
`;
}
