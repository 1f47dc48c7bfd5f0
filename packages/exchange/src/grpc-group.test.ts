import { groupSuite } from "@cogfleet/parallel/testing";
import type { ExchangeLimits } from "./limits.js";
import { startLocalGroup } from "./testing/local-group.js";

/** Frames far smaller than a message, so that a few MB are many of them. */
const QUICK: Partial<ExchangeLimits> = { frameBytes: 64 * 1024, beatMs: 20 };

for (const [name, sharedMemoryBytes] of [
  ["over gRPC", 0],
  ["over gRPC and shared memory", 64 * 1024 * 1024],
] as const) {
  groupSuite(name, async (size, options = {}) => {
    const { ranks, groups, close } = await startLocalGroup(size, { ...QUICK, ...options, sharedMemoryBytes });
    const never = new AbortController().signal;
    await Promise.all(groups.map((group) => group.joined(never)));
    return {
      groups,
      kill: (rank) => ranks[rank]?.drop(),
      leave: (rank) => {
        groups[rank]?.close().catch(() => {}); // closing again, below, tells what went wrong
      },
      close,
    };
  });
}
