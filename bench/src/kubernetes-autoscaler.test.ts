import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { arrivals } from "./autoscaling-day.js";
import { simulateDay } from "./fleet-day.js";
import {
  type AutoscalerSettings,
  CHART_TIMING,
  formula,
  KubernetesAutoscaler,
} from "./kubernetes-autoscaler.js";

const SETTINGS: AutoscalerSettings = { ...CHART_TIMING, minReplicas: 0, maxReplicas: 10 };

/** Replicas at each of these seconds, the metric being what it is from then on. */
function replicasAt(
  autoscaler: KubernetesAutoscaler,
  value: (now: number) => number,
  seconds: readonly number[],
): number[] {
  const seen: number[] = [];
  for (let now = 0; now <= Math.max(...seconds); now++) {
    autoscaler.tick(now, value(now) > 0, [{ value: value(now), target: 2 }]);
    if (seconds.includes(now)) seen.push(autoscaler.replicas);
  }
  return seen;
}

describe("the model of KEDA and the HPA", () => {
  // What real KEDA 2.21 and a real HPA made of the same numbers.
  it("wants what the formula says, within its bounds", () => {
    for (const [value, replicas, wanted] of [
      [13, 1, 7],
      [19, 7, 10],
      [5, 10, 3],
      [2, 3, 1],
    ] as const)
      assert.equal(formula([{ value, target: 2 }], replicas, 0.1), wanted);
  });

  it("changes nothing for what is off by a tenth or less, and takes the largest of several metrics", () => {
    assert.equal(formula([{ value: 10.9, target: 1 }], 10, 0.1), 10);
    assert.equal(formula([{ value: 11.1, target: 1 }], 10, 0.1), 12);
    assert.equal(
      formula(
        [
          { value: 1, target: 2 },
          { value: 4, target: 1 },
        ],
        1,
        0.1,
      ),
      4,
    );
  });

  it("has the first replica at once, the others at the HPA's next look, so many at a time", () => {
    const autoscaler = new KubernetesAutoscaler({ ...SETTINGS, upPods: 4 });
    assert.deepEqual(
      replicasAt(autoscaler, (now) => (now < 5 ? 0 : 100), [4, 5, 15, 30]),
      [0, 1, 5, 9],
    );
  });

  it("lets replicas go one a minute, and only when fewer were wanted for five", () => {
    const autoscaler = new KubernetesAutoscaler(SETTINGS);
    const value = (now: number): number => (now < 60 ? 20 : 6);
    assert.deepEqual(replicasAt(autoscaler, value, [60, 330, 345, 405, 900]), [10, 10, 9, 8, 3]);
  });

  it("lets the last one go after the cooldown", () => {
    const autoscaler = new KubernetesAutoscaler(SETTINGS);
    assert.deepEqual(
      replicasAt(autoscaler, (now) => (now < 60 ? 1 : 0), [60, 345, 375]),
      [1, 1, 0],
    );
  });
});

describe("a simulated day", () => {
  it("is the same each time, and every job is done", () => {
    const day = arrivals(7).slice(0, 60);
    const options = {
      policy: { kind: "work" },
      target: {
        model: undefined,
        targetDrainSeconds: 600,
        maxQueueAgeSeconds: undefined,
        workersPerGroup: 1,
      },
      settings: { ...SETTINGS, maxReplicas: 4 },
      coldStartSeconds: 60,
      sloSeconds: 1800,
    } as const;
    const first = simulateDay(day, options);
    assert.deepEqual(simulateDay(day, options), first);
    assert.ok(first.gpuHours > 0);
    assert.ok(first.attained > 0.5);
  });
});
