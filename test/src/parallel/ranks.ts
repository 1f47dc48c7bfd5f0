// Several ranks in one process: the same program on every place of a group.
import { ClusterError } from "@cogfleet/core";
import { type Group, type MemoryGroups, memoryGroups } from "@cogfleet/parallel";

/** Runs `program` on every rank; one that throws takes the group down, as a worker does that leaves with a reason. */
export async function onRanks<T>(
  size: number,
  program: (group: Group) => Promise<T>,
  { groups, kill }: MemoryGroups = memoryGroups(size),
): Promise<T[]> {
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
  const failures = outcomes.flatMap((o) => (o.status === "rejected" ? [ClusterError.from(o.reason)] : []));
  const first = failures.find(({ code }) => code !== "peer_lost") ?? failures[0];
  if (first !== undefined) throw first;
  return outcomes.flatMap((o) => (o.status === "fulfilled" ? [o.value] : []));
}

/** How far two vectors are apart, relative to the second one's length. */
export function relativeL2(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.NaN;
  let [difference, length] = [0, 0];
  for (const [i, value] of expected.entries()) {
    difference += ((actual[i] as number) - value) ** 2;
    length += value ** 2;
  }
  return Math.sqrt(difference / length);
}
