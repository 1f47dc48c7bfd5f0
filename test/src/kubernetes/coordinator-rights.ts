/** A namespace and in it the coordinator's service account, with what the chart gives it. */
export function coordinatorRights(namespace: string, { nodes = true, leases = true } = {}): string {
  const metadata = `{name: cogfleet-coordinator, namespace: ${namespace}}`;
  const subject = `{kind: ServiceAccount, name: cogfleet-coordinator, namespace: ${namespace}}`;
  const objects = [
    `apiVersion: v1
kind: Namespace
metadata: {name: ${namespace}}
`,
    `apiVersion: v1
kind: ServiceAccount
metadata: ${metadata}
`,
    `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: ${metadata}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [list, watch, patch]}
${leases ? "  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}\n" : ""}`,
    `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: ${metadata}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: cogfleet-coordinator}
subjects: [${subject}]
`,
    `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${namespace}-coordinator}
rules:
${nodes ? "  - {apiGroups: [''], resources: [nodes], verbs: [list, watch]}\n" : "  []\n"}`,
    `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${namespace}-coordinator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${namespace}-coordinator}
subjects: [${subject}]
`,
  ];
  return objects.join("---\n");
}
