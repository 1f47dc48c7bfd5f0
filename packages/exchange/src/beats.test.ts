import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import type { Beat } from "@cogfleet/proto/gen/cogfleet/v1/Beat";
import { sendBeats } from "./beats.js";
import type { Outcome } from "./members.js";

const NO_PROBE = { probePath: "", probeContent: "" };

interface Watched {
  readonly clock: ManualClock;
  readonly beats: Beat[];
  readonly done: Promise<void>;
  end(outcome: Outcome): void;
  /** How often somebody has begun to wait for its end. */
  listeners(): number;
}

/** A rank that is watched; `onBeat` is called while that beat is on its way. */
function watched(
  onBeat: (count: number, watched: Watched) => void = () => {},
  signal: AbortSignal = neverAborts,
): Watched {
  const clock = new ManualClock();
  const beats: Beat[] = [];
  let end: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    end = resolve;
  });
  const then = mock.method(outcome, "then");
  const write = async (beat: Beat): Promise<void> => {
    beats.push(beat);
    onBeat(beats.length, self);
  };
  const self: Watched = {
    ...{ clock, beats, end: (how) => end(how), done: Promise.resolve() },
    listeners: () => then.mock.callCount(),
  };
  return {
    ...self,
    done: sendBeats({ clock, beatMs: 500, probe: undefined }, outcome, write, signal),
  };
}

describe("beats", () => {
  it("come at their pace and end with a farewell", async () => {
    const { clock, beats, done, end } = watched();
    await clock.advance(1_000);
    end({ kind: "left" });
    await done;
    assert.deepEqual(beats, [NO_PROBE, {}, {}, { hasLeft: true }]);
  });

  it("end with a farewell also when the rank leaves while a beat is on its way", async () => {
    for (const beat of [1, 2]) {
      const { clock, beats, done } = watched((count, rank) => {
        if (count === beat) rank.end({ kind: "left" });
      });
      await clock.advance(beat * 500);
      await done;
      assert.deepEqual(beats.at(-1), { hasLeft: true });
      assert.equal(beats.length, beat + 1);
    }
  });

  it("leave nothing behind: no wait for the end with each beat, and no timer after the last", async () => {
    const { clock, beats, done, end, listeners } = watched();
    for (let beat = 0; beat < 50; beat++) await clock.advance(500);
    assert.equal(beats.length, 51);
    assert.equal(listeners(), 1);
    end({ kind: "left" });
    await done;
    assert.equal(clock.sleeping, 0);
  });

  it("end without a word when the watcher hangs up", async () => {
    const hangUp = new AbortController();
    const { clock, beats, done } = watched(() => {}, hangUp.signal);
    await clock.advance(500);
    hangUp.abort(new Error("hung up"));
    await assert.rejects(done, /hung up/);
    assert.deepEqual([beats.length, clock.sleeping], [2, 0]);
  });

  it("say which rank was the first to go", async () => {
    const { beats, done, end } = watched();
    const error = new ClusterError("peer_lost", "rank 2 was lost: it burned");
    end({ kind: "failed", error, failedRank: 2 });
    await done;
    assert.deepEqual(beats.at(-1), { failure: "rank 2 was lost: it burned", failedRank: 2 });
  });
});
