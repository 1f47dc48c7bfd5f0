// Rows 6 and 28 of docs/reliability.md: a rank that falls behind, and a group that gets smaller after every few steps.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import { DEMO, distance, ProcessFleet } from "../parallel-services/fleet.js";
import { each, FaultFleet, stepsOf } from "./fleet.js";

const SLOW = new URL("./slow-compute.js", import.meta.url).href;

describe("a group", { timeout: 540_000 }, () => {
  it("row 6: goes on without a rank that computes many times as long as the others", async (t) => {
    const fleet = await FaultFleet.start(t);
    for (const id of ["w1", "w2", "w3"])
      await fleet.worker(id, { flags: ["--local-workers", "3"], ...(id === "w3" ? { preload: SLOW } : {}) });
    const steps = 250;
    const { id } = await fleet.submit({ numInferenceSteps: steps, parallel: "cfg=1,context=3" });
    const events: Event__Output[] = [];
    let leftBehind: { readonly message: string; readonly after: number } | undefined;
    for await (const event of fleet.watch(id)) {
      events.push(event);
      if (/going on without it/.test(event.message))
        leftBehind ??= { message: event.message, after: stepsOf(events).length };
    }
    const job = await fleet.get(id);
    assert.equal(job.state, "JOB_STATE_COMPLETED", job.error?.message);
    assert.ok(leftBehind !== undefined, "the slow one was waited for");
    assert.ok(!job.workerIds.includes("w3"), `${job.workerIds}`);
    assert.deepEqual(stepsOf(events), each(steps));
    const mean = (of: readonly Event__Output[]): number =>
      of.reduce((sum, { seconds }) => sum + seconds, 0) / of.length;
    const denoising = events.filter(({ stage, seconds }) => stage === "STAGE_DENOISE" && seconds > 0);
    const { message, after } = leftBehind;
    const ratio = mean(denoising.slice(0, after)) / mean(denoising.slice(after));
    t.diagnostic(`after step ${after}: ${message}; a step took ${ratio.toFixed(1)} times as long before`);
    assert.ok(ratio > 1.5, `a step took only ${ratio} times as long before`);
  });

  it("row 28: is made smaller between steps, again and again, and makes the same video", async (t) => {
    const fleet = await ProcessFleet.start(t);
    await fleet.workers(["w1", "w2", "w3", "w4"], DEMO);
    const request = { numInferenceSteps: 40, guidanceScale: 3 };
    const { id: expected } = await fleet.submit({ ...request, parallel: "cfg=1,context=1" });
    await fleet.completed(expected);

    const { id } = await fleet.submit({ ...request, parallel: "cfg=1,context=4" });
    const events: Event__Output[] = [];
    const resizes: number[] = [];
    let askedAt: number | undefined;
    let ranks: readonly string[] = [];
    for await (const event of fleet.watch(id)) {
      events.push(event);
      if (event.parts.length > 0) ranks = event.workerIds;
      if (event.parts.length > 0 && askedAt !== undefined) {
        resizes.push(event.cameAt - askedAt);
        askedAt = undefined;
      }
      const isStep = event.stage === "STAGE_DENOISE" && event.seconds > 0;
      if (isStep && ranks.length > 1 && askedAt === undefined) {
        askedAt = event.cameAt;
        fleet.signal(ranks.at(-1) ?? "", "SIGTERM");
      }
    }
    const job = await fleet.get(id);
    assert.equal(job.state, "JOB_STATE_COMPLETED", job.error?.message);
    assert.equal(resizes.length, 3, "from 4 to 3, 2 and 1");
    assert.deepEqual(stepsOf(events), each(40));
    const { relL2, levels } = distance(await fleet.made(id), await fleet.made(expected));
    t.diagnostic(
      `${resizes.map((ms) => ms.toFixed(0)).join(", ")} ms from asking to the next assignment; rel L2 ${relL2}`,
    );
    assert.ok(relL2 <= 1e-5 && levels <= 1, `latents differ by ${relL2}, frames by ${levels} levels`);
  });
});
