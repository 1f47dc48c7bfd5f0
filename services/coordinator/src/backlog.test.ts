import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { Backlog } from "./backlog.js";
import { Capacities } from "./capacity.js";
import { isTerminal, type Job, type JobRequest } from "./job.js";
import { type JobChange, next } from "./job-life.js";
import { jobWork, totalWork } from "./job-work.js";
import { MemoryJobStore } from "./memory-job-store.js";
import { learnFromStored, recount } from "./recount.js";
import { emptyVideo, sampleJob, sampleModel, sampleRequest, sampleWorker } from "./testing/sample-jobs.js";

/** CogVideoX-2b, by its configs' defaults. */
const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};
const FULL = { numFrames: 49, height: 480, width: 720, numInferenceSteps: 50 } as const;
const SMALL = { numFrames: 9, height: 240, width: 368, numInferenceSteps: 50 } as const;
const PLAN = { cfg: 1, context: 1, rates: [1], vae: { kind: "serial" } } as const;
const RATE = 1e14;

function setUp() {
  const clock = new ManualClock();
  const capacities = new Capacities([]);
  const configs = new Map([["demo", CONFIGS]]);
  capacities.workersChanged([{ worker: sampleWorker("w", { configs, flopsPerSecond: RATE }) }]);
  const ratios: number[] = [];
  const onEstimateMeasured = (ratio: number) => ratios.push(ratio);
  const backlog = new Backlog({ capacities, clock, onEstimateMeasured });
  return { clock, capacities, backlog, ratios };
}

function submitted(id: string, over: Partial<JobRequest> = {}, at = Date.UTC(2026, 0, 1)): Job {
  return sampleJob(id, { ...FULL, ...over }, at).job;
}

/** The job after these changes, a second apart. */
function after(job: Job, ...changes: readonly JobChange[]): Job {
  let at = job.createdAt;
  return changes.reduce((now, change) => {
    at += 1000;
    return next(now, change, at, { maxFruitlessAttempts: 3 }).job;
  }, job);
}

const assigned = (epoch: number): JobChange => ({
  kind: "assigned",
  epoch,
  workerIds: ["w"],
  plan: PLAN,
  parts: [],
});
const stepDone = (epoch: number, step: number, isStored = false): JobChange => ({
  kind: "step_done",
  epoch,
  step,
  seconds: 1,
  checkpoint: isStored ? { bytes: 1, sha256: "c" } : undefined,
});

describe("the work of a job", () => {
  it("is its operations: half the steps are half of the denoising", () => {
    const all = jobWork(CONFIGS, sampleRequest(FULL));
    const half = jobWork(CONFIGS, sampleRequest({ ...FULL, numInferenceSteps: 25 }));
    assert.ok(all && half);
    assert.ok(Math.abs(all.denoise / half.denoise - 2) < 1e-9);
    assert.equal(all.decode, half.decode);
    // 17,776 tokens, width 1920, 30 layers, 2 branches, 50 steps (packages/parallel/src/cost.ts).
    const S = 226 + 17_550;
    const flops = 100 * 30 * (24 * S * 1920 ** 2 + 4 * S ** 2 * 1920);
    assert.ok(Math.abs(all.denoise / flops - 1) < 0.05, `${all.denoise} against ${flops}`);
  });

  it("is not known of a job that cannot be computed", () => {
    const vae = parseVaeConfig("vae", { sample_height: 32, sample_width: 48 });
    assert.equal(jobWork({ ...CONFIGS, vae }, sampleRequest({ ...FULL, vaeTiling: true })), undefined);
  });
});

describe("the backlog", () => {
  it("is the work of what waits and what is left of what runs", () => {
    const { backlog } = setUp();
    const work = jobWork(CONFIGS, sampleRequest(FULL));
    assert.ok(work);
    const whole = totalWork(work) / RATE;
    backlog.follow(submitted("a"));
    backlog.follow(submitted("b"));
    near(backlog.figures("demo").workSeconds, 2 * whole);
    near(backlog.workSecondsOf(sampleRequest(FULL)), whole);

    const running = after(submitted("a"), assigned(1), stepDone(1, 20));
    backlog.follow(running);
    const rest = (work.denoise * 0.6 + work.decode) / RATE;
    near(backlog.figures("demo").workSeconds, whole + rest);
    near(backlog.figures("demo").queuedWorkSeconds, whole);
    assert.equal(backlog.figures("demo").queuedJobs, 1);
    assert.equal(backlog.figures("demo").runningJobs, 1);

    const decoding = { ...running, progress: { stage: "decode", step: 50 }, lastSequence: 100 } as const;
    backlog.follow(decoding);
    near(backlog.figures("demo").workSeconds, whole + work.decode / RATE);
    backlog.forget("a");
    backlog.forget("b");
    assert.equal(backlog.figures("demo").workSeconds, 0);
  });

  it("weighs jobs by what they cost, not by their number", () => {
    const { backlog } = setUp();
    const [small, full] = [SMALL, FULL].map((shape) => backlog.workSecondsOf(sampleRequest(shape)));
    assert.ok((full as number) > 25 * (small as number), `${full} s and ${small} s`);
  });

  it("counts of a job that waits again what its checkpoint leaves", () => {
    const { backlog } = setUp();
    const work = jobWork(CONFIGS, sampleRequest(FULL));
    assert.ok(work);
    const lost = { kind: "worker_lost", epoch: 1, message: "gone" } as const;
    backlog.follow(after(submitted("a"), assigned(1), stepDone(1, 25, true), stepDone(1, 26), lost));
    const { workSeconds, queuedJobs } = backlog.figures("demo");
    assert.equal(queuedJobs, 1);
    near(workSeconds, (work.encode + work.denoise / 2 + work.decode) / RATE);
  });

  it("ignores a version of a job that is older than the one it has", () => {
    const { backlog } = setUp();
    const job = submitted("a");
    backlog.follow(after(job, assigned(1)));
    backlog.follow(job);
    assert.equal(backlog.figures("demo").runningJobs, 1);
    assert.equal(backlog.figures("demo").queuedJobs, 0);
  });

  it("knows since when the oldest waits, and that one queued again waits anew", async () => {
    const { backlog, clock } = setUp();
    const t = clock.wallTime();
    const [a, b] = [submitted("a", {}, t), submitted("b", {}, t + 5_000)];
    backlog.follow(a);
    backlog.follow(b);
    assert.equal(backlog.figures("demo").oldestQueuedAt, t);
    const running = after(a, assigned(1));
    backlog.follow(running);
    assert.equal(backlog.figures("demo").oldestQueuedAt, t + 5_000);
    await clock.advance(60_000);
    backlog.follow(after(running, { kind: "worker_lost", epoch: 1, message: "gone" }));
    backlog.forget("b");
    assert.equal(backlog.figures("demo").oldestQueuedAt, t + 60_000);
    backlog.forget("a");
    assert.equal(backlog.figures("demo").oldestQueuedAt, undefined);
  });

  it("says how many workers the pinned degrees of a job take", () => {
    const { backlog } = setUp();
    backlog.follow(submitted("a", { parallel: "cfg=2,context=3" }));
    backlog.follow(submitted("b"));
    assert.equal(backlog.figures("demo").minRanks, 6);
    backlog.forget("a");
    assert.equal(backlog.figures("demo").minRanks, 1);
  });

  it("adds up the models", () => {
    const { backlog } = setUp();
    backlog.follow(submitted("a", {}, 5));
    backlog.follow(submitted("b", { model: "other" }, 3));
    const all = backlog.figures(undefined);
    assert.equal(all.queuedJobs, 2);
    assert.equal(all.oldestQueuedAt, 3);
    near(
      all.workSeconds,
      backlog.figures("demo").workSeconds + 60, // nobody told the sizes of the other
    );
    assert.deepEqual(backlog.models(), ["demo", "other"]);
  });

  it("follows 20,000 jobs, one change as cheap as another, and ends at nothing", () => {
    const { backlog } = setUp();
    const n = 20_000;
    const before = performance.now();
    for (let i = 0; i < n; i++) backlog.follow(submitted(`job-${i}`, { numInferenceSteps: 20 + (i % 30) }));
    for (let i = 0; i < 1000; i++) backlog.figures(undefined);
    for (let i = 0; i < n; i++) backlog.forget(`job-${i}`);
    const microseconds = (1000 * (performance.now() - before)) / n;
    assert.equal(backlog.figures("demo").workSeconds, 0);
    assert.ok(microseconds < 500, `${microseconds} microseconds a job`);
  });
});

describe("measured jobs", () => {
  /** One that took `ratio` times its estimate at rate RATE. */
  function completed(id: string, ratio: number, backlog: Backlog): Job {
    const job = submitted(id);
    const done = after(job, assigned(1), {
      kind: "completed",
      epoch: 1,
      artifacts: [emptyVideo],
      seconds: 1,
    });
    const work = jobWork(CONFIGS, sampleRequest(FULL));
    assert.ok(work);
    backlog.follow(job);
    const finishedAt = (done.startedAt ?? 0) + (1000 * ratio * totalWork(work)) / RATE;
    return { ...done, finishedAt };
  }

  it("correct the estimates: what took twice as long is expected to", () => {
    const { backlog, ratios } = setUp();
    for (let i = 0; i < 20; i++) backlog.follow(completed(`job-${i}`, 2, backlog));
    near(backlog.figures("demo").correction, 2);
    near(ratios[0] as number, 2);
    near(ratios.at(-1) as number, 1);
  });

  it("do not correct by the one that took a hundred times as long", () => {
    const { backlog } = setUp();
    for (let i = 0; i < 5; i++) backlog.follow(completed(`job-${i}`, 1.1, backlog));
    backlog.follow(completed("slow", 100, backlog));
    near(backlog.figures("demo").correction, 1.1);
  });

  it("are learnt from again by a coordinator that starts", async () => {
    const { backlog } = setUp();
    const store = new MemoryJobStore();
    for (let i = 0; i < 20; i++) {
      const job = submitted(`job-${i}`);
      const { stored } = await store.create(job, [], neverAborts);
      await store.update(completed(job.id, 3, backlog), stored.revision, [], neverAborts);
    }
    const { backlog: fresh, ratios } = setUp();
    await learnFromStored(store, fresh, neverAborts);
    near(fresh.figures("demo").correction, 3);
    assert.ok(ratios.length <= 20);
  });
});

describe("a recount", () => {
  it("finds what the store has, and forgets what it has not", async () => {
    const { backlog } = setUp();
    const store = new MemoryJobStore();
    for (const id of ["a", "c"]) await store.create(submitted(id), [], neverAborts);
    const { stored } = await store.create(submitted("b"), [], neverAborts);
    const running = after(submitted("b"), assigned(1));
    assert.ok(!isTerminal(running.state.kind));
    await store.update(running, stored.revision, [], neverAborts);
    backlog.follow(submitted("gone"));
    await recount(store, backlog, neverAborts);
    const { queuedJobs, runningJobs } = backlog.figures("demo");
    assert.deepEqual([queuedJobs, runningJobs], [2, 1]);
  });
});

describe("the capacity of workers", () => {
  it("is remembered when the last one has gone, and stored when it changes noticeably", () => {
    const kept: number[] = [];
    const capacities = new Capacities([], ({ capacity }) => kept.push(capacity?.flopsPerSecond ?? 0));
    const workers = (...rates: number[]) =>
      rates.map((flopsPerSecond, i) => ({ worker: sampleWorker(`w${i}`, { flopsPerSecond }) }));
    assert.equal(capacities.isKnown("demo"), false);
    capacities.workersChanged(workers(4e13));
    capacities.workersChanged(workers(4e13, 4.1e13));
    capacities.workersChanged(workers(4e13, 8e13));
    capacities.workersChanged([]);
    assert.deepEqual(kept, [4e13, 6e13]);
    assert.equal(capacities.of("demo").flopsPerSecond, 6e13);
    assert.equal(capacities.isKnown("demo"), true);
  });

  it("of another checkpoint under the same name is another one", () => {
    const capacities = new Capacities([]);
    capacities.workersChanged([{ worker: sampleWorker("w", { flopsPerSecond: 4e13 }) }]);
    assert.equal(capacities.describe(sampleModel()).capacity?.flopsPerSecond, 4e13);
    assert.equal(capacities.describe(sampleModel({ digest: "e" })).capacity, undefined);
  });
});

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.abs(expected), `${actual} is not ${expected}`);
}
