import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import { readStream } from "@cogfleet/service";
import { startCommand } from "../cli/command.js";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { type CoordinatorProcess, coordinatorProcess, modelsOffered, workerProcess } from "./processes.js";

const PROMPT = "a red circle moves right";

describe("a coordinator that is killed", { timeout: 540_000 }, () => {
  let data: string;
  let coordinator: CoordinatorProcess;
  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), "cogfleet-crash-"));
    coordinator = await coordinatorProcess(data);
  });
  afterEach(async () => {
    await coordinator.kill();
    rmSync(data, { recursive: true, force: true });
  });

  async function killAndStartAgain(): Promise<void> {
    await coordinator.kill();
    coordinator = await coordinatorProcess(data, coordinator.port);
  }

  async function history(jobId: string): Promise<Event__Output[]> {
    const events: Event__Output[] = [];
    const signal = AbortSignal.timeout(240_000);
    for await (const event of readStream(coordinator.client.watch({ jobId }), signal)) events.push(event);
    return events;
  }

  it("finishes the job that was running when it comes back, and its client's watch goes on by itself", async (t) => {
    const worker = await workerProcess(coordinator.port);
    t.after(() => worker.kill("SIGKILL"));
    await modelsOffered(coordinator);
    const client = startCommand(
      ...["generate", "--endpoint", `127.0.0.1:${coordinator.port}`, "--prompt", PROMPT, "--json"],
      ...["--steps", "200", "--output", join(data, "video.mp4")],
    );
    await client.line(/"step":60,/);
    await killAndStartAgain();
    await client.line(/"event":"notice".*lost the coordinator/);
    const { code, out, err } = await client.ended;
    assert.equal(code, 0, err.join("\n"));

    const seen = out.map((line) => JSON.parse(line));
    const { job_id: jobId } = seen.find((line) => "job_id" in line);
    const job = await coordinator.get(jobId);
    assert.equal(job.state, "JOB_STATE_COMPLETED");
    assert.equal(job.attempts, 2);
    const events = await history(jobId);
    assert.deepEqual(
      events.map(({ sequence }) => Number(sequence)),
      events.map((_, i) => i + 1),
    );
    assert.ok(events.some(({ message }) => message === "queued again: the coordinator was started again"));
    // Each step was done once: the second attempt went on from the last that was stored.
    assert.deepEqual(
      events.filter(({ stage, seconds }) => stage === "STAGE_DENOISE" && seconds > 0).map(({ step }) => step),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const steps = seen.filter(({ event }) => event === "step");
    assert.equal(new Set(steps.map(({ step }) => step)).size, 200);
    for (const [i, step] of steps.entries()) assert.ok(i === 0 || step.sequence > steps[i - 1].sequence);
  });

  it("has every job that it acknowledged, in order, also when it was killed in the middle of a storm", async () => {
    const introducer = new FakeWorker(coordinator.port, "w");
    await introducer.next("welcome");
    await modelsOffered(coordinator);
    introducer.send({ draining: {} }); // takes no job
    const acknowledged: string[] = [];
    const storm = Array.from({ length: 20 }, async (_, lane) => {
      for (let i = 0; ; i++) {
        const idempotencyKey = `${lane}-${i}`;
        try {
          acknowledged.push((await coordinator.submit({ prompt: PROMPT, idempotencyKey })).id);
        } catch {
          return idempotencyKey; // the crash
        }
        if (acknowledged.length === 150) void coordinator.kill();
      }
    });
    const unanswered = await Promise.all(storm);
    introducer.kill();
    assert.ok(acknowledged.length >= 150);
    await killAndStartAgain();

    for (const id of acknowledged) assert.equal((await coordinator.get(id)).state, "JOB_STATE_QUEUED");
    // No worker is there, and jobs are taken all the same; who got no answer asks again and has one job.
    for (const idempotencyKey of [...unanswered, ...unanswered])
      acknowledged.push((await coordinator.submit({ prompt: PROMPT, idempotencyKey })).id);
    const keys = new Set(acknowledged);
    const positions = await Promise.all(
      [...keys].map(async (id) => (await coordinator.get(id)).queuePosition),
    );
    assert.deepEqual(
      [...positions].sort((a, b) => a - b),
      [...keys].map((_, i) => i),
    );
    await assert.rejects(
      coordinator.submit({ prompt: "another", idempotencyKey: unanswered[0] ?? "" }),
      (error) => error instanceof ClusterError && error.code === "already_exists",
    );
  });

  it("does not count against a job, however often it happens", async () => {
    let id = "";
    for (let crash = 1; crash <= 5; crash++) {
      const worker = new FakeWorker(coordinator.port, "w");
      await worker.next("welcome");
      await modelsOffered(coordinator);
      if (crash === 1) ({ id } = await coordinator.submit({ prompt: PROMPT, numInferenceSteps: 3 }));
      const assigned = await worker.next("assign");
      assert.deepEqual([assigned.jobId, assigned.epoch], [id, String(crash)]);
      await killAndStartAgain();
      worker.kill();
    }
    const worker = new FakeWorker(coordinator.port, "w");
    await worker.perform(await worker.next("assign"), Buffer.from("video"));
    const events = await history(id);
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
    worker.kill();
  });

  it("shares its folder with nobody while it lives", async () => {
    const second = startCommand("coordinator", "--data", data, "--port", "0");
    const { code, err } = await second.ended;
    assert.equal(code, 2);
    assert.equal(err.length, 1, err.join("\n"));
    assert.match(err[0] ?? "", /data folder \S+ is in use by another coordinator: stop it, or give another/);
  });

  it("serves its videos again", async () => {
    const worker = new FakeWorker(coordinator.port, "w");
    await worker.next("welcome");
    await modelsOffered(coordinator);
    const { id } = await coordinator.submit({ prompt: PROMPT, numInferenceSteps: 3 });
    const video = Buffer.from("a video");
    await worker.perform(await worker.next("assign"), video);
    await history(id);
    await killAndStartAgain();
    worker.kill();
    const pieces: Buffer[] = [];
    for await (const { data: piece } of readStream(coordinator.client.download({ jobId: id }), neverAborts))
      pieces.push(piece);
    assert.deepEqual(Buffer.concat(pieces), video);
  });
});
