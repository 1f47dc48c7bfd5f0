import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BacklogFigures } from "./backlog.js";
import { parseScaleTarget, type ScaleTarget, scaleFigures } from "./scale-figures.js";

const EMPTY: BacklogFigures = {
  queuedJobs: 0,
  runningJobs: 0,
  busyWorkers: 0,
  workSeconds: 0,
  queuedWorkSeconds: 0,
  oldestQueuedAt: undefined,
  minRanks: 0,
  correction: 1,
};
const QUEUED = { ...EMPTY, queuedJobs: 3, minRanks: 1, workSeconds: 100, oldestQueuedAt: 1_000_000 };
const TARGET: ScaleTarget = {
  model: undefined,
  targetDrainSeconds: 300,
  maxQueueAgeSeconds: undefined,
  workersPerGroup: 1,
};

const wanted = (target: Partial<ScaleTarget>, backlog: Partial<BacklogFigures>, ageSeconds = 0): number =>
  scaleFigures({ ...TARGET, ...target }, { ...QUEUED, ...backlog }, true, 1_000_000 + 1000 * ageSeconds)
    .wanted;

describe("the replicas that are wanted", () => {
  it("are the backlog by the time in which it is to be worked off, rounded up", () => {
    assert.equal(wanted({}, { workSeconds: 1 }), 1);
    assert.equal(wanted({}, { workSeconds: 300 }), 1);
    assert.equal(wanted({}, { workSeconds: 301 }), 2);
    assert.equal(wanted({ targetDrainSeconds: 60 }, { workSeconds: 6000 }), 100);
    assert.equal(wanted({ workersPerGroup: 8 }, { workSeconds: 6000 }), 3);
  });

  it("are none when there is nothing to do", () => {
    const figures = scaleFigures(TARGET, EMPTY, true, 0);
    assert.equal(figures.isActive, false);
    assert.equal(figures.wanted, 0);
  });

  it("are one while anything runs, if only its last seconds", () => {
    const running = { ...EMPTY, runningJobs: 1, busyWorkers: 1, minRanks: 1 };
    const figures = scaleFigures(TARGET, running, true, 0);
    assert.equal(figures.isActive, true);
    assert.equal(figures.wanted, 1);
  });

  it("are at least what a job with pinned degrees takes to start", () => {
    assert.equal(wanted({}, { minRanks: 6 }), 6);
    assert.equal(wanted({ workersPerGroup: 4 }, { minRanks: 6 }), 2);
  });

  it("grow when a job waits too long, up to twofold a time", () => {
    const target = { maxQueueAgeSeconds: 600 };
    assert.equal(wanted(target, { busyWorkers: 4 }, 600), 1);
    assert.equal(wanted(target, { busyWorkers: 4 }, 900), 6);
    assert.equal(wanted(target, { busyWorkers: 4 }, 6000), 8);
    assert.equal(wanted({}, { busyWorkers: 4 }, 6000), 1);
  });

  it("are one for a model that no worker has offered yet: its jobs cannot be admitted before one has", () => {
    const figures = scaleFigures(TARGET, EMPTY, false, 0);
    assert.equal(figures.isActive, true);
    assert.equal(figures.wanted, 1);
  });
});

describe("a trigger's metadata", () => {
  it("has defaults, and KEDA's own settings beside it", () => {
    assert.deepEqual(parseScaleTarget({ scalerAddress: "cogfleet:7070", enableTLS: "true" }), TARGET);
    assert.deepEqual(
      parseScaleTarget({
        model: "demo",
        targetDrainSeconds: "12.5",
        maxQueueAgeSeconds: "60",
        workersPerGroup: "4",
      }),
      { model: "demo", targetDrainSeconds: 12.5, maxQueueAgeSeconds: 60, workersPerGroup: 4 },
    );
  });

  it("is refused with every problem in it", () => {
    assert.throws(
      () =>
        parseScaleTarget({
          model: "",
          targetDrainSeconds: "soon",
          maxQueueAgeSeconds: "0",
          workersPerGroup: "1.5",
          targetDrainSecond: "1",
        }),
      {
        code: "invalid_request",
        message:
          "targetDrainSecond is not known: there are model, targetDrainSeconds, maxQueueAgeSeconds, workersPerGroup; " +
          "model must not be empty: leave it out for all models; " +
          'targetDrainSeconds must be a number above 0, got "soon"; ' +
          'maxQueueAgeSeconds must be a number above 0, got "0"; ' +
          'workersPerGroup must be an integer above 0, got "1.5"',
      },
    );
  });
});
