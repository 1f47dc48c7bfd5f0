import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ONE_RANK } from "@cogfleet/parallel";
import fc from "fast-check";
import { isTerminal, type Job, type JobEvent, STAGES } from "./job.js";
import { type JobChange, next } from "./job-life.js";
import { emptyVideo, sampleJob } from "./testing/sample-jobs.js";

const POLICY = { maxFruitlessAttempts: 3 };
const STEPS = 3;
const DEADLINE = 40; // in changes: most histories end before
const ALONE = { plan: ONE_RANK, parts: [] };

const epoch = fc.integer({ min: 0, max: 6 });
const change: fc.Arbitrary<JobChange> = fc.oneof(
  epoch.map((n): JobChange => ({ kind: "assigned", epoch: n, workerIds: [`w${n}`], ...ALONE })),
  fc
    .record({ epoch, stage: fc.constantFrom(...STAGES), warnings: fc.subarray(["cut", "slow"]) })
    .map((more): JobChange => ({ kind: "stage_started", ...more })),
  fc
    .record({
      epoch,
      step: fc.integer({ min: -1, max: STEPS + 2 }),
      seconds: fc.constant(0.5),
      checkpoint: fc.constantFrom(undefined, { bytes: 1, sha256: "c" }),
    })
    .map((more): JobChange => ({ kind: "step_done", ...more })),
  fc
    .record({ epoch, artifacts: fc.constantFrom([], [emptyVideo]), seconds: fc.constant(1) })
    .map((more): JobChange => ({ kind: "completed", ...more })),
  fc
    .record({ epoch, isRetryable: fc.boolean() })
    .map((more): JobChange => ({ kind: "attempt_failed", error: { code: "x", message: "no" }, ...more })),
  fc
    .record({
      epoch,
      lostIds: fc.constantFrom([], ["w1"], ["w1", "w2"]),
      isElsewherePossible: fc.boolean(),
    })
    .map((more): JobChange => ({ kind: "worker_lost", message: "gone", ...more })),
  fc.record({ epoch, ranks: fc.constantFrom(1, 2, 4), isTiled: fc.boolean() }).map(
    ({ epoch: n, ...another }): JobChange => ({
      ...{ kind: "attempt_failed", epoch: n, isRetryable: false, another },
      error: { code: "out_of_memory", message: "too large" },
    }),
  ),
  fc
    .record({ epoch, step: fc.integer({ min: 1, max: STEPS }) })
    .map((of): JobChange => ({ kind: "checkpoint_lost", of })),
  fc
    .record({ epoch, ranks: fc.constantFrom(undefined, 2) })
    .map((more): JobChange => ({ kind: "yielded", message: "others wait", ...more })),
  epoch.map((n): JobChange => ({ kind: "orphaned", epoch: n, message: "started again" })),
  fc.constant<JobChange>({ kind: "cancel_asked" }),
  fc.constant<JobChange>({ kind: "deadline_passed" }),
  fc
    .record({ epoch, ranMs: fc.integer({ min: 0, max: 4_000 }) })
    .map((more): JobChange => ({ kind: "run_limit_reached", ...more })),
);

/** Random changes, mended now and then to the epoch that applies: else few histories would get far. */
const history = fc.array(fc.tuple(change, fc.integer({ min: 0, max: 3 })), { maxLength: 60, size: "max" });

interface Moment {
  readonly before: Job;
  readonly change: JobChange;
  readonly after: Job;
  readonly events: readonly JobEvent[];
}

function play(changes: readonly (readonly [JobChange, number])[]): Moment[] {
  let { job } = sampleJob("j", { numInferenceSteps: STEPS, deadline: DEADLINE, maxRunSeconds: 3 });
  return changes.map(([drawn, luck], at) => {
    const fitting = drawn.kind === "assigned" ? job.epoch + 1 : job.epoch;
    const applied = luck > 0 && "epoch" in drawn ? { ...drawn, epoch: fitting } : drawn;
    const before = job;
    const transition = next(before, applied, at, POLICY);
    job = transition.job;
    return { before, change: applied, after: job, events: transition.events };
  });
}

function holds(claim: (moments: readonly Moment[]) => void): void {
  fc.assert(
    fc.property(history, (changes) => claim(play(changes))),
    { numRuns: 400 },
  );
}

describe("next(job, change)", () => {
  it("J1: never changes a terminal state", () => {
    holds((moments) => {
      for (const { before, after } of moments) if (isTerminal(before.state.kind)) assert.equal(after, before);
    });
  });

  it("J2: raises the epoch by one with each assignment, and ignores every other epoch", () => {
    holds((moments) => {
      for (const { before, change: made, after } of moments) {
        if (after === before) continue;
        assert.equal(after.epoch, made.kind === "assigned" ? before.epoch + 1 : before.epoch);
        if ("epoch" in made) assert.equal(made.epoch, after.epoch);
      }
    });
  });

  it("J3: numbers events 1, 2, 3, ... and has one for each transition", () => {
    holds((moments) => {
      const sequences = moments.flatMap(({ events }) => events.map((event) => event.sequence));
      assert.deepEqual(
        sequences,
        sequences.map((_, i) => i + 2), // the first event is that of the submission
      );
      for (const { before, after, events } of moments) {
        assert.equal(events.length > 0, after !== before);
        assert.equal(after.lastSequence, before.lastSequence + events.length);
      }
    });
  });

  it("J4: never goes back in stage or step within an epoch", () => {
    holds((moments) => {
      for (const { before, after } of moments) {
        if (after.epoch !== before.epoch || after.state.kind === "queued") continue;
        assert.ok(after.progress.step >= before.progress.step);
        assert.ok(after.progress.step <= STEPS);
        assert.ok(stageOf(after) >= stageOf(before));
      }
    });
  });

  it("J5: neither completes nor queues a job again whose cancel was asked", () => {
    holds((moments) => {
      for (const { before, after } of moments) {
        if (before.state.kind !== "running" || !before.state.isCancelAsked) continue;
        assert.ok(after.state.kind === "running" || after.state.kind === "cancelled");
      }
    });
  });

  it("J6: completes only with a video", () => {
    holds((moments) => {
      for (const { after } of moments) {
        if (after.state.kind === "completed") assert.equal(after.state.artifacts[0]?.kind, "video");
      }
    });
  });

  it("J7: never goes back behind a checkpoint, and starts each attempt at the newest one", () => {
    holds((moments) => {
      for (const { before, change: made, after } of moments) {
        if (made.kind === "checkpoint_lost" && after !== before)
          assert.equal(after.checkpoint, before.earlierCheckpoint);
        else assert.ok((after.checkpoint?.step ?? 0) >= (before.checkpoint?.step ?? 0));
        assert.ok((after.earlierCheckpoint?.step ?? -1) < (after.checkpoint?.step ?? 0));
        if (made.kind === "assigned" && after !== before)
          assert.equal(after.progress.step, before.checkpoint?.step ?? 0);
        if (after.checkpoint !== before.checkpoint && made.kind !== "checkpoint_lost")
          assert.equal(after.checkpoint?.epoch, before.epoch);
      }
    });
  });

  it("J8: fails a job after three attempts in a row that got no farther, or nine with one worker", () => {
    holds((moments) => {
      for (const { after } of moments) {
        const { fruitlessAttempts, setbacks } = after;
        assert.equal(setbacks.length, fruitlessAttempts);
        if (fruitlessAttempts < POLICY.maxFruitlessAttempts || after.state.kind === "failed") continue;
        assert.ok(fruitlessAttempts < 3 * POLICY.maxFruitlessAttempts);
        assert.equal(new Set(setbacks.flatMap(({ lostIds }) => lostIds)).size, 1);
      }
    });
  });

  it("J8: never counts an attempt that was orphaned or taken back", () => {
    holds((moments) => {
      for (const { before, change: made, after } of moments) {
        if (made.kind === "orphaned" || made.kind === "yielded")
          assert.ok(after.fruitlessAttempts <= before.fruitlessAttempts);
      }
    });
  });

  it("J9: fails a job at its deadline, and never before", () => {
    holds((moments) => {
      for (const [at, { before, change: made, after }] of moments.entries()) {
        if (made.kind !== "deadline_passed" || isTerminal(before.state.kind)) continue;
        assert.equal(isTerminal(after.state.kind), at >= DEADLINE);
      }
    });
  });

  it("J10: sums up the running time of all attempts, and never takes it back", () => {
    holds((moments) => {
      for (const { before, after } of moments) {
        assert.ok(after.ranMs.earlier + after.ranMs.current >= before.ranMs.earlier + before.ranMs.current);
        if (after.state.kind === "failed" && after.state.error.code === "run_time_exceeded")
          assert.ok(after.ranMs.earlier + after.ranMs.current >= 3_000);
      }
    });
  });

  it("changes nothing more when a history is played with duplicates", () => {
    fc.assert(
      fc.property(history, (changes) => {
        let { job } = sampleJob("j", { numInferenceSteps: STEPS });
        for (const [made] of changes) {
          const once = next(job, made, 0, POLICY).job;
          assert.equal(next(once, made, 0, POLICY).job, once);
          job = once;
        }
      }),
    );
  });

  it("J11: tries each number of ranks once for which memory did not suffice, without tiles and with", () => {
    holds((moments) => {
      for (const { before, after } of moments) {
        assert.equal(new Set(after.tooSmall).size, after.tooSmall.length);
        if (before.isTiled) assert.ok(after.isTiled);
      }
    });
  });

  it("gives up a job that is given too few workers again and again, for want of others", () => {
    let { job } = sampleJob("j");
    for (let epoch = 1; job.state.kind === "queued"; epoch++) {
      assert.ok(epoch <= 1 + POLICY.maxFruitlessAttempts);
      const error = { code: "out_of_memory", message: "too large" };
      const another = { ranks: 2, isTiled: false };
      job = next(job, { kind: "assigned", epoch, workerIds: ["w"], ...ALONE }, 0, POLICY).job;
      job = next(job, { kind: "attempt_failed", epoch, error, isRetryable: false, another }, 0, POLICY).job;
      assert.deepEqual(job.tooSmall, [1]);
    }
    assert.equal(job.state.kind, "failed");
  });

  it("reaches every state", () => {
    const reached = new Set<string>();
    holds((moments) => {
      for (const { after } of moments) reached.add(after.state.kind);
    });
    assert.deepEqual([...reached].sort(), ["cancelled", "completed", "failed", "queued", "running"]);
  });

  it("says why a job waits again, and why it failed in the end", () => {
    let { job } = sampleJob("j");
    const messages: string[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      job = next(job, { kind: "assigned", epoch: attempt, workerIds: ["w"], ...ALONE }, 0, POLICY).job;
      const lost = next(job, { kind: "worker_lost", epoch: attempt, message: "worker w left" }, 0, POLICY);
      job = lost.job;
      messages.push(...lost.events.map((event) => `${event.state}: ${event.message}`));
    }
    assert.deepEqual(messages, [
      "queued: queued again: worker w left",
      "queued: queued again: worker w left",
      "failed: gave up after 3 attempts in a row that got nowhere: (1) worker w left (2) worker w left (3) worker w left",
    ]);
    assert.equal(job.state.kind === "failed" && job.state.error.code, "worker_lost");
  });

  it("counts from anew when an attempt got farther than all before", () => {
    let { job } = sampleJob("j");
    for (const [index, step] of [0, 0, 2, 2, 1].entries()) {
      const attempt = index + 1;
      job = next(job, { kind: "assigned", epoch: attempt, workerIds: ["w"], ...ALONE }, 0, POLICY).job;
      job = next(job, { kind: "step_done", epoch: attempt, step, seconds: 1 }, 0, POLICY).job;
      job = next(job, { kind: "worker_lost", epoch: attempt, message: "gone" }, 0, POLICY).job;
    }
    assert.equal(job.state.kind, "queued");
    assert.equal(job.fruitlessAttempts, 2);
    assert.equal(job.attempts, 5);
  });

  it("counts from anew when an attempt that was orphaned got farther", () => {
    let { job } = sampleJob("j");
    const ends = ["worker_lost", "worker_lost", "orphaned", "worker_lost"] as const;
    for (const [index, kind] of ends.entries()) {
      const epoch = index + 1;
      job = next(job, { kind: "assigned", epoch, workerIds: ["w"], ...ALONE }, 0, POLICY).job;
      const step = kind === "orphaned" ? 1 : 0;
      job = next(job, { kind: "step_done", epoch, step, seconds: 1 }, 0, POLICY).job;
      job = next(job, { kind, epoch, message: "gone" }, 0, POLICY).job;
    }
    assert.equal(job.state.kind, "queued");
    assert.equal(job.fruitlessAttempts, 1);
  });
});

function stageOf(job: Job): number {
  return job.progress.stage === undefined ? -1 : STAGES.indexOf(job.progress.stage);
}
