// Several things wrong with a checkpoint, as one error: users see everything they have to mend.
import { ClusterError } from "@cogfleet/core";

/** The values of all promises, or every error of theirs in one. */
export async function together<T extends readonly unknown[]>(
  promises: {
    [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  const settled: readonly PromiseSettledResult<unknown>[] = await Promise.allSettled(promises);
  const reasons: unknown[] = settled.flatMap((result) =>
    result.status === "rejected" ? [result.reason] : [],
  );
  if (reasons.length === 0) return settled.map((result) => "value" in result && result.value) as unknown as T;
  const errors = reasons.filter((reason) => reason instanceof ClusterError);
  // An abort or a bug is not the checkpoint's fault, and comes first.
  throw errors.length < reasons.length
    ? reasons.find((reason) => !(reason instanceof ClusterError))
    : combined(errors);
}

/** One error that says what all of them say: `unsupported` if each is, else `invalid_checkpoint`. */
export function combined(errors: readonly ClusterError[]): ClusterError {
  const isUnsupported = errors.every(({ code }) => code === "unsupported");
  return new ClusterError(
    isUnsupported ? "unsupported" : "invalid_checkpoint",
    [...new Set(errors.map(({ message }) => message))].join("; "),
  );
}
