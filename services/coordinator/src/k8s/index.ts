export { type Kubernetes, openKubernetes } from "./kubernetes.js";
export { kubernetesLeaseRegister } from "./lease-register.js";
