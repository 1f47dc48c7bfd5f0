// Rows 13 to 16 of docs/reliability.md: wires that are cut, slow, or change what they carry.
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { systemClock } from "@cogfleet/core";
import { freePort } from "@cogfleet/core/testing";
import { saidAt } from "../parallel-services/fleet.js";
import { each, FaultFleet, REQUEST, stepsOf } from "./fleet.js";
import { type Wire, wireTo } from "./wire.js";

const STEPS = REQUEST.numInferenceSteps ?? 0;
const STEPS_OF_BOTH = 20; // each takes longer: over wires
const BOTH = { parallel: "cfg=1,context=2", numInferenceSteps: STEPS_OF_BOTH };

/** Two workers whose tensors pass a wire each; loopback has addresses to spare. */
async function wired(t: TestContext): Promise<{ fleet: FaultFleet; wires: readonly Wire[] }> {
  const fleet = await FaultFleet.start(t);
  const wires: Wire[] = [];
  for (const [i, id] of ["w1", "w2"].entries()) {
    const host = `127.0.0.${i + 2}`;
    const port = await freePort(host);
    wires.push(await wireTo(t, { host: "127.0.0.1", port }, { host, port }));
    const flags = ["--exchange-port", String(port), "--advertise", host, "--shared-memory-mib", "0"];
    await fleet.worker(id, { flags: [...flags, "--local-workers", "2"] });
  }
  return { fleet, wires };
}

describe("wires that fail", { timeout: 540_000 }, () => {
  it("row 13: a worker that is cut off from the coordinator loses its lease; one owner at a time", async (t) => {
    const fleet = await FaultFleet.start(t);
    const wire = await wireTo(t, { host: "127.0.0.1", port: fleet.port }, { host: "127.0.0.1", port: 0 });
    await fleet.worker("w1", { coordinator: `${wire.host}:${wire.port}` });
    const expected = await fleet.undisturbed();
    const { id } = await fleet.submit();
    await fleet.event(id, ({ step }) => step >= 3);
    wire.swallow();
    const cutAt = systemClock.wallTime();
    const again = await fleet.event(id, (event) => event.message.startsWith("queued again"));
    const noticedMs = saidAt(again) - cutAt;
    t.diagnostic(`noticed after ${noticedMs.toFixed(0)} ms`);
    assert.ok(noticedMs < 5_000, `noticed after ${noticedMs} ms`);
    await fleet.worker("w2");
    const events = await fleet.history(id);
    wire.mend();
    assert.deepEqual(stepsOf(events), each(STEPS));
    assert.equal(await fleet.video(id), expected);
    await fleet.until(async () => (await fleet.workers()).length === 2);
    assert.equal((await fleet.get(id)).state, "JOB_STATE_COMPLETED");
  });

  it("row 14: a peer that cannot be heard any more ends the group in seconds, and the job goes on", async (t) => {
    const { fleet, wires } = await wired(t);
    const expected = await fleet.undisturbed(BOTH);
    const { id } = await fleet.submit(BOTH);
    await fleet.event(id, ({ step }) => step >= 3);
    wires[0]?.swallow();
    const cutAt = systemClock.wallTime();
    const again = await fleet.event(id, (event) => event.message.startsWith("queued again"));
    const noticedMs = saidAt(again) - cutAt;
    t.diagnostic(`noticed after ${noticedMs.toFixed(0)} ms: ${again.message}`);
    assert.ok(noticedMs < 5_000, `noticed after ${noticedMs} ms`);
    wires[0]?.mend();
    const events = await fleet.history(id);
    assert.equal((await fleet.get(id)).state, "JOB_STATE_COMPLETED");
    assert.deepEqual(stepsOf(events), each(STEPS_OF_BOTH));
    assert.equal(await fleet.undisturbed(BOTH), expected);
  });

  it("row 15: over a slow link with jitter the job only takes longer", async (t) => {
    const { fleet, wires } = await wired(t);
    const short = { ...BOTH, numInferenceSteps: 3 };
    const expected = await fleet.undisturbed(short);
    for (const wire of wires) wire.slow(5, 10);
    const from = performance.now();
    const { id } = await fleet.submit(short);
    const events = await fleet.history(id);
    t.diagnostic(`${((performance.now() - from) / 1000).toFixed(1)} s with 5 to 15 ms each way`);
    assert.equal((await fleet.get(id)).attempts, 1);
    assert.deepEqual(stepsOf(events), each(3));
    assert.equal(await fleet.video(id), expected);
  });

  it("row 16: a bit that flips in a tensor is noticed, never computed with", async (t) => {
    const { fleet, wires } = await wired(t);
    const expected = await fleet.undisturbed(BOTH);
    const { id } = await fleet.submit(BOTH);
    await fleet.event(id, ({ step }) => step >= 3);
    wires[1]?.flip(1);
    const events = await fleet.history(id);
    assert.equal(wires[1]?.flipped(), 1, "no piece was large enough to be hit");
    const again = events.find((event) => event.message.startsWith("queued again"));
    t.diagnostic(again?.message ?? "the transfer was repeated");
    assert.ok(again !== undefined, "the damaged tensor was taken");
    assert.deepEqual(stepsOf(events), each(STEPS_OF_BOTH));
    assert.equal(await fleet.video(id), expected);
  });
});
