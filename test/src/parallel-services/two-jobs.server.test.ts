import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEMO, ProcessFleet } from "./fleet.js";

describe("four worker processes", { timeout: 540_000 }, () => {
  it("run two jobs at once, two ranks each", async (t) => {
    const fleet = await ProcessFleet.start(t);
    await fleet.workers(["w1", "w2", "w3", "w4"], DEMO);
    const submit = (seed: string) =>
      fleet.submit({ numInferenceSteps: 12, guidanceScale: 3, seed, parallel: "cfg=1,context=2" });
    const ids = [(await submit("1")).id, (await submit("2")).id];
    const [first, second] = await Promise.all(ids.map((id) => fleet.completed(id)));
    assert.deepEqual([first?.workerIds, second?.workerIds].flat().sort(), ["w1", "w2", "w3", "w4"]);
    const seconds = (time: { seconds: string; nanos: number } | null | undefined): number =>
      Number(time?.seconds) + Number(time?.nanos) / 1e9;
    assert.ok(seconds(second?.startTime) < seconds(first?.finishTime), "the second waited for the first");
  });
});
