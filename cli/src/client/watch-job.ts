import type { Clock } from "@cogfleet/core";
import { type GenerationClient, isTerminal, type JobEvent } from "./generation.js";
import { LONGEST_PAUSE_MS, type Patience } from "./patience.js";

/**
 * Every event of a job up to its terminal one, each once and in order. A stream that breaks is taken up again after the
 * last event seen, for as long as the patience lasts.
 */
export async function* watchJob(
  deps: {
    readonly client: Pick<GenerationClient, "watch" | "get">;
    readonly clock: Clock;
    readonly patience: Patience;
  },
  jobId: string,
  afterSequence: number,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, void, undefined> {
  const { client, clock, patience } = deps;
  let last = afterSequence;
  for (let isThere = false; ; ) {
    const openedAt = clock.now();
    let broken: unknown;
    try {
      for await (const event of client.watch(jobId, last, signal)) {
        patience.heard();
        if (event.sequence <= last) continue;
        last = event.sequence;
        yield event;
        if (isTerminal(event.state)) return;
      }
    } catch (reason) {
      broken = reason;
    }
    // A job in a queue, or in a long step, has nothing to tell: a stream that stood in silence was no time away.
    if (isThere && clock.now() - openedAt >= LONGEST_PAUSE_MS) patience.heard();
    await patience.pause(broken, signal);
    isThere = await answers(client, jobId, signal);
    if (isThere) patience.answered();
  }
}

async function answers(
  client: Pick<GenerationClient, "get">,
  jobId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.get(jobId, signal);
    return true;
  } catch {
    return false; // the stream will say why
  }
}
