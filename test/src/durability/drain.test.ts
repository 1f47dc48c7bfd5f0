// Drains a worker process in the middle of a job, over the client's API: the job goes on elsewhere, step by step.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { Worker__Output } from "@cogfleet/proto/gen/cogfleet/v1/Worker";
import { callUnary, readStream } from "@cogfleet/service";
import { coordinatorProcess, modelsOffered, workerProcess } from "./processes.js";

// So many that the job is not over before the drain comes.
const STEPS = 40;
const REQUEST = {
  prompt: "a red circle moves right",
  seed: 7,
  numInferenceSteps: STEPS,
  embedMetadata: false,
};

describe("a worker that is drained in the middle of a job", () => {
  it("finishes its step, leaves with code 0, and the video is the one that it would have been", async (t) => {
    const data = mkdtempSync(join(tmpdir(), "cogfleet-drain-"));
    const coordinator = await coordinatorProcess(data);
    const workers = [await workerProcess(coordinator.port), await workerProcess(coordinator.port)];
    t.after(async () => {
      for (const worker of workers) worker.kill("SIGKILL");
      await coordinator.kill();
      rmSync(data, { recursive: true, force: true });
    });
    await modelsOffered(coordinator);
    const { client } = coordinator;
    const follow = async (jobId: string, onEvent: (event: Event__Output) => Promise<void>) => {
      const events: Event__Output[] = [];
      for await (const event of readStream(client.watch({ jobId }), neverAborts)) {
        events.push(event);
        await onEvent(event);
      }
      return events;
    };

    const undisturbed = await coordinator.submit(REQUEST);
    await follow(undisturbed.id, async () => {});
    const { id: jobId } = await coordinator.submit(REQUEST);
    let drained: Worker__Output | undefined;
    const events = await follow(jobId, async ({ step, workerIds: [workerId] }) => {
      if (step !== 3 || drained !== undefined || workerId === undefined) return;
      drained = await callUnary<Worker__Output>(
        (done) => client.drainWorker({ workerId }, done),
        neverAborts,
      );
    });

    assert.equal(drained?.state, "WORKER_STATE_DRAINING");
    const victim = workers.find(({ pid }) => pid === drained?.pid);
    assert.ok(victim);
    if (victim.exitCode === null) await once(victim, "exit");
    assert.equal(victim.exitCode, 0);
    const steps = events.filter(({ stage, seconds }) => stage === "STAGE_DENOISE" && seconds > 0);
    assert.deepEqual(
      steps.map(({ step }) => step),
      Array.from({ length: STEPS }, (_, i) => i + 1),
      "no step is done twice",
    );
    const [job, before] = [await coordinator.get(jobId), await coordinator.get(undisturbed.id)];
    assert.deepEqual([job.state, job.attempts], ["JOB_STATE_COMPLETED", 2]);
    assert.equal(job.artifact?.sha256, before.artifact?.sha256);
  });
});
