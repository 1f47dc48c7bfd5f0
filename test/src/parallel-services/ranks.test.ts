// Jobs on one to four worker processes give the video of one.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DEMO, distance, type Made, ProcessFleet } from "./fleet.js";

const REQUEST = { numInferenceSteps: 4, guidanceScale: 3 };

function assertSame(actual: Made, expected: Made, what: string): void {
  const { relL2, levels } = distance(actual, expected);
  assert.ok(relL2 <= 1e-5, `${what}: latents differ by ${relL2}`);
  assert.ok(levels <= 1, `${what}: frames differ by ${levels} levels`);
}

describe("a job on several worker processes", { timeout: 540_000 }, () => {
  it("gives the video of one worker, whatever the degrees, also after another number of ranks", async (t) => {
    const fleet = await ProcessFleet.start(t);
    await fleet.workers(["w1", "w2", "w3", "w4"], DEMO);
    const make = async (parallel: string): Promise<{ made: Made; ranks: number; parts: string[] }> => {
      const { id } = await fleet.submit({ ...REQUEST, parallel });
      const parts: string[] = [];
      for await (const event of fleet.watch(id))
        parts.push(...event.parts.map(({ half, rows }) => `${half}:${rows?.start}+${rows?.count}`));
      const { workerIds, plan, attempts, state } = await fleet.get(id);
      assert.equal(state, "JOB_STATE_COMPLETED", parallel);
      assert.equal(attempts, 1, parallel);
      assert.equal(workerIds.length, (plan?.cfg ?? 0) * (plan?.context ?? 0));
      assert.equal(parts.length, workerIds.length);
      return { made: await fleet.made(id), ranks: workerIds.length, parts };
    };
    const { made: alone } = await make("cfg=1,context=1");
    for (const [parallel, ranks] of [
      ["cfg=1,context=2", 2],
      ["cfg=1,context=1", 1],
      ["cfg=2,context=1", 2],
      ["cfg=1,context=3", 3],
      ["cfg=2,context=2", 4],
      ["context=4", 4],
    ] as const) {
      const { made, ranks: got, parts } = await make(parallel);
      assert.equal(got, ranks, parallel);
      assert.equal(new Set(parts).size, ranks, `${parallel}: ${parts}`);
      assertSame(made, alone, parallel);
    }
    assertSame((await make("auto")).made, alone, "auto");
  });
});
