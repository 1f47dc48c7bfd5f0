import type { Clock } from "@cogfleet/core";
import type { Beat } from "@cogfleet/proto/gen/cogfleet/v1/Beat";
import { linked } from "./linked.js";
import type { Outcome } from "./members.js";

export interface BeatDeps {
  readonly clock: Clock;
  readonly beatMs: number;
  /** Told in the first beat; undefined where there is no shared memory. */
  readonly probe: { readonly path: string; readonly content: string } | undefined;
}

/**
 * Sends signs of life until the rank's part in the group ends; the last one says how, whenever that happens. `write`
 * resolves once the transport has taken the beat, so a peer that does not listen holds one beat, no more.
 */
export async function sendBeats(
  { clock, beatMs, probe }: BeatDeps,
  outcome: Promise<Outcome>,
  write: (beat: Beat) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const over = linked(signal);
  let how: Outcome | undefined;
  void outcome.then((known) => {
    how = known;
    over.abort(known);
  });
  try {
    await write({ probePath: probe?.path ?? "", probeContent: probe?.content ?? "" });
    while (how === undefined) {
      await clock.sleep(beatMs, over.signal).catch(() => {}); // or until it ends
      signal.throwIfAborted();
      if (how === undefined) await write({});
    }
    await write(lastBeat(how)); // also when it ended while a beat was on its way
  } finally {
    over.unlink();
  }
}

function lastBeat(outcome: Outcome): Beat {
  switch (outcome.kind) {
    case "left":
      return { hasLeft: true };
    case "failed":
      return { failure: outcome.error.message, failedRank: outcome.failedRank };
  }
}
