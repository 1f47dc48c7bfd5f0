import { orAbort } from "@cogfleet/core";
import { type V1Lease, V1MicroTime } from "@kubernetes/client-node";
import type { LeaseRecord, LeaseRegister } from "../register-lease.js";
import { type Kubernetes, kubernetesError, statusOf } from "./kubernetes.js";

/** Where workers reach the holder: a Lease has no field for it. */
const ADDRESS = "cogfleet.io/address";
const RIGHT = "get, create and update leases";

export interface LeaseRegisterConfig {
  /** Name of the Lease object. */
  readonly name: string;
  /** For people who look at the object. */
  readonly leaseMs: number;
}

/**
 * A Lease object as the register of a leader lease. The term is its number of transitions, which counts every leader
 * here, the same one again too.
 */
export function kubernetesLeaseRegister(
  { coordination, namespace }: Kubernetes,
  { name, leaseMs }: LeaseRegisterConfig,
  now: () => number,
): LeaseRegister {
  const body = ({ term, holder, address }: LeaseRecord, resourceVersion: string | undefined): V1Lease => ({
    metadata: {
      name,
      annotations: { [ADDRESS]: address },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseTransitions: term,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseMs / 1000)),
      renewTime: new V1MicroTime(now()),
    },
  });
  return {
    async read(signal) {
      try {
        const lease = await orAbort(coordination.readNamespacedLease({ name, namespace }), signal);
        const { leaseTransitions: term = 0, holderIdentity: holder = "" } = lease.spec ?? {};
        const address = lease.metadata?.annotations?.[ADDRESS] ?? "";
        return { record: { term, holder, address }, revision: lease.metadata?.resourceVersion ?? "" };
      } catch (reason) {
        signal.throwIfAborted();
        if (statusOf(reason) === 404) return undefined;
        throw kubernetesError(reason, `read the lease ${namespace}/${name}`, RIGHT);
      }
    },
    async write(record, revision, signal) {
      const lease = body(record, revision);
      try {
        const written = await orAbort(
          revision === undefined
            ? coordination.createNamespacedLease({ namespace, body: lease })
            : coordination.replaceNamespacedLease({ name, namespace, body: lease }),
          signal,
        );
        return written.metadata?.resourceVersion ?? "";
      } catch (reason) {
        signal.throwIfAborted();
        // Made or replaced by another one since it was read, or removed.
        if ([404, 409].includes(statusOf(reason))) return undefined;
        throw kubernetesError(reason, `write the lease ${namespace}/${name}`, RIGHT);
      }
    },
  };
}
