import { type Clock, ClusterError } from "@cogfleet/core";
import { type GenerationClient, isTerminal, type JobEvent } from "./generation.js";

/** How long a watch goes on without a word from the coordinator, milliseconds. */
export const PATIENCE_MS = 60_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4_000;

/**
 * Every event of a job up to its terminal one, each once and in order. A stream that breaks is taken up again after the
 * last event seen; `unavailable` when the coordinator stays away for PATIENCE_MS. `onNotice` is told, once for each
 * time away, what a waiting user should know.
 */
export async function* watchJob(
  deps: {
    readonly client: Pick<GenerationClient, "watch">;
    readonly clock: Clock;
    onNotice(text: string): void;
  },
  jobId: string,
  afterSequence: number,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, void, undefined> {
  const { client, clock, onNotice } = deps;
  let last = afterSequence;
  let awaySince: number | undefined;
  let retryMs = FIRST_RETRY_MS;
  for (;;) {
    let broken: unknown;
    try {
      for await (const event of client.watch(jobId, last, signal)) {
        if (awaySince !== undefined) onNotice("the coordinator is back");
        awaySince = undefined;
        retryMs = FIRST_RETRY_MS;
        if (event.sequence <= last) continue;
        last = event.sequence;
        yield event;
        if (isTerminal(event.state)) return;
      }
    } catch (reason) {
      signal.throwIfAborted();
      if (!isPassing(reason)) throw reason;
      broken = reason;
    }
    if (awaySince === undefined) {
      awaySince = clock.now();
      onNotice(`lost the coordinator; trying again for ${PATIENCE_MS / 1000} s`);
    } else if (clock.now() - awaySince >= PATIENCE_MS) {
      throw new ClusterError(
        "unavailable",
        `the coordinator stayed away for ${PATIENCE_MS / 1000} s; see later with: cogfleet jobs watch ${jobId}`,
        { cause: broken },
      );
    }
    await clock.sleep(retryMs, signal);
    retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
  }
}

/** Whether a broken stream may be taken up again: the connection or the coordinator went, not the job. */
function isPassing(reason: unknown): boolean {
  if (!(reason instanceof ClusterError)) return false;
  // A coordinator that is killed ends streams with whatever status its transport finds last.
  return reason.retryable || reason.code === "cancelled" || reason.code === "deadline_exceeded";
}
