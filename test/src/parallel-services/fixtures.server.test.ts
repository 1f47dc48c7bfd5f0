// Every text-to-video fixture, on one to four worker processes: two minutes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEMO, distance, fixture, ProcessFleet } from "./fleet.js";

const SMALL = { numInferenceSteps: 3, guidanceScale: 5, height: 32, width: 32, numFrames: 9 };
const TILED = { numInferenceSteps: 2, guidanceScale: 5, vaeTiling: true };
const DEGREES = [
  "cfg=1,context=2",
  "cfg=2,context=1",
  "cfg=1,context=3",
  "cfg=2,context=2",
  "cfg=1,context=4",
  "auto",
];

for (const [name, model, request] of [
  ["pipeline-t2v", fixture("pipeline-t2v"), SMALL],
  ["pipeline-t2v-dpm", fixture("pipeline-t2v-dpm"), SMALL],
  ["pipeline-15", fixture("pipeline-15"), SMALL],
  ["the demo in tiles", DEMO, TILED],
] as const)
  describe(`${name} on worker processes`, { timeout: 540_000 }, () => {
    it("gives the video of one worker, whatever the degrees", async (t) => {
      const fleet = await ProcessFleet.start(t);
      await fleet.workers(["w1", "w2", "w3", "w4"], model);
      const make = async (parallel: string) => {
        const { id } = await fleet.submit({ ...request, parallel });
        await fleet.completed(id);
        return fleet.made(id);
      };
      const alone = await make("cfg=1,context=1");
      for (const parallel of DEGREES) {
        const { relL2, levels } = distance(await make(parallel), alone);
        const what = `${parallel}: latents ${relL2}, frames ${levels}`;
        t.diagnostic(what);
        assert.ok(relL2 <= 1e-5 && levels <= 1, what);
      }
    });
  });
