// One of three worker processes dies, or stops, while they compute a job together.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { systemClock } from "@cogfleet/core";
import { DEMO, distance, ProcessFleet, saidAt } from "./fleet.js";

/** So many that the job is far from its end when the harm of an early step is done, on a machine that is busy, too. */
export const STEPS = 24;
const REQUEST = { numInferenceSteps: STEPS, guidanceScale: 3 };
const WORKERS = ["w1", "w2", "w3"];

/** Runs a job on three workers, does harm to one of them at a moment of it, and looks at what became of the job. */
export async function harm(
  t: TestContext,
  { victim, at, by }: { victim: number; at: string; by: "SIGKILL" | "SIGSTOP" | "SIGTERM" },
): Promise<{ readonly noticedMs: number; readonly steps: readonly number[] }> {
  const fleet = await ProcessFleet.start(t);
  await fleet.workers(WORKERS, DEMO);
  const { id: expected } = await fleet.submit({ ...REQUEST, parallel: "cfg=1,context=1" });
  await fleet.completed(expected);

  const { id } = await fleet.submit({ ...REQUEST, parallel: "cfg=1,context=3" });
  const steps: number[] = [];
  let harmedAt: number | undefined;
  let noticedAt: number | undefined;
  let ids: readonly string[] = [];
  let harmed = "";
  for await (const event of fleet.watch(id)) {
    if (event.parts.length > 0) ids = event.workerIds;
    if (event.stage === "STAGE_DENOISE" && event.seconds > 0) steps.push(event.step);
    if (harmedAt === undefined && `${event.stage} ${event.step}` === at) {
      harmed = ids[victim] ?? "";
      harmedAt = systemClock.wallTime();
      fleet.signal(harmed, by);
    }
    if (harmedAt !== undefined && event.state === "JOB_STATE_QUEUED") noticedAt ??= saidAt(event);
  }
  const job = await fleet.get(id);
  assert.equal(job.state, "JOB_STATE_COMPLETED", job.error?.message);
  assert.equal(job.attempts, 2);
  assert.ok(!job.workerIds.includes(harmed), `${job.workerIds} without ${harmed}`);
  const { relL2, levels } = distance(await fleet.made(id), await fleet.made(expected));
  assert.ok(relL2 <= 1e-5 && levels <= 1, `latents differ by ${relL2}, frames by ${levels} levels`);
  assert.ok(harmedAt !== undefined && noticedAt !== undefined);
  const noticedMs = noticedAt - harmedAt;
  t.diagnostic(`${by} of rank ${victim} at ${at}: noticed after ${noticedMs.toFixed(0)} ms`);
  return { noticedMs, steps };
}

/** A step is reported once it is stored, so none that was is computed again. */
export function assertNoneTwice(steps: readonly number[]): void {
  assert.deepEqual(
    steps,
    Array.from({ length: STEPS }, (_, i) => i + 1),
  );
}
