import { ClusterError } from "@cogfleet/core";
import { type Group, memoryGroups } from "@cogfleet/parallel";

/** Runs a program on every rank of a group in this process; returns what each one gives, by rank. */
export type OnRanks = <T>(program: (group: Group) => Promise<T>) => Promise<T[]>;

/** A group of so many ranks. One that throws takes it down, as a worker does; its own reason is what is thrown. */
export function ranksOf(size: number): OnRanks {
  const { groups, kill } = memoryGroups(size);
  return async (program) => {
    const outcomes = await Promise.allSettled(
      groups.map(async (group) => {
        try {
          return await program(group);
        } catch (reason) {
          kill(group.rank);
          throw reason;
        }
      }),
    );
    const failures = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    if (failures.length === 0)
      return outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    throw failures.find((reason) => ClusterError.from(reason).code !== "peer_lost") ?? failures[0];
  };
}
