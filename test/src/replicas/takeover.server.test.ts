import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import { readStream } from "@cogfleet/service";
import { startCommand } from "../cli/command.js";
import { oneServer } from "./one-server.js";
import { askForWork, end, type Replica, until } from "./service.js";

const REQUEST = { prompt: "a red circle moves right", numInferenceSteps: 60, seed: "7" };

describe("several coordinators on one NATS server", { timeout: 540_000 }, () => {
  const { folder, start } = oneServer();

  async function video(from: Replica, jobId: string): Promise<string> {
    const hash = createHash("sha256");
    const call = from.client.download({ jobId, kind: "ARTIFACT_KIND_VIDEO" });
    for await (const { data } of readStream(call, AbortSignal.timeout(240_000))) hash.update(data);
    return hash.digest("hex");
  }

  it("answer the same, whichever is asked, and send workers to the one that leads", async () => {
    const { replicas, workers } = await start(2, 1);
    const [leader, follower] = replicas as [Replica, Replica];
    const job = await follower.submit({ ...REQUEST, numInferenceSteps: 2, idempotencyKey: "k" });
    const again = await leader.submit({ ...REQUEST, numInferenceSteps: 2, idempotencyKey: "k" });
    assert.equal(again.id, job.id);
    const [ofLeader, ofFollower] = await Promise.all([leader.history(job.id), follower.history(job.id)]);
    // All but the reason to wait, which is of the moment in which it was told.
    const stored = (events: readonly Event__Output[]) =>
      events.map((event) => ({ ...event, waitReason: "" }));
    assert.deepEqual(stored(ofFollower), stored(ofLeader));
    assert.equal(ofLeader.at(-1)?.state, "JOB_STATE_COMPLETED");
    assert.equal(await video(follower, job.id), await video(leader, job.id));
    assert.deepEqual(await askForWork(follower.port), { code: 14, leader: `127.0.0.1:${leader.port}` });
    const seen = await new Promise<string[]>((resolve, reject) =>
      follower.client.listWorkers({}, (error, response) =>
        error ? reject(error) : resolve((response?.workers ?? []).map(({ id }) => id)),
      ),
    );
    assert.equal(seen.length, 1);
    for (const child of workers) await end(child);
    const queued = await follower.submit(REQUEST);
    const isTold = async (replica: Replica): Promise<boolean> =>
      /of demo: none is connected$/.test((await replica.get(queued.id)).waitReason);
    await until("both say what it waits for", async () => (await isTold(leader)) && (await isTold(follower)));
    await new Promise<void>((resolve, reject) =>
      follower.client.cancel({ jobId: queued.id }, (error) => (error ? reject(error) : resolve())),
    );
    assert.equal((await leader.get(queued.id)).state, "JOB_STATE_CANCELLED");
  });

  it("take over from a leader that is killed in the middle of a job, and recompute no step that was reported", async (t) => {
    const { replicas } = await start(2, 2);
    const [leader, follower] = replicas as [Replica, Replica];
    const undisturbed = await follower.submit({ ...REQUEST, parallel: "cfg=1,context=1" });
    await follower.history(undisturbed.id);
    const { id } = await follower.submit({ ...REQUEST, parallel: "cfg=1,context=1" });
    const history = follower.history(id);
    await until("three steps are done", async () => ((await follower.get(id)).progress?.step ?? 0) >= 3);
    await leader.end("SIGKILL");
    const killedAt = systemClock.now();
    await until("the other leads", async () => (await follower.figure("cogfleet_leader")) === 1);
    const ledAfter = systemClock.now() - killedAt;
    await until("the job goes on", async () => (await follower.get(id)).attempts === 2);
    const wentOnAfter = systemClock.now() - killedAt;
    const events = await history;
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
    const steps = events.filter(({ seconds, stage }) => seconds > 0 && stage === "STAGE_DENOISE");
    const reported = steps.map(({ step }) => step);
    assert.deepEqual(reported, [...new Set(reported)], "a step was computed again");
    assert.deepEqual(
      events.map(({ sequence }) => Number(sequence)),
      events.map((_, i) => i + 1),
    );
    assert.ok(events.some(({ message }) => message === "queued again: the leader of term 2 took over"));
    assert.equal(await video(follower, id), await video(follower, undisturbed.id));
    t.diagnostic(
      `the other led after ${Math.round(ledAfter)} ms, the job went on after ${Math.round(wentOnAfter)} ms`,
    );
    assert.ok(ledAfter < 15_000, `took over after ${ledAfter} ms`);
  });

  it("see a client through that watches when its coordinator is killed", async () => {
    const { replicas } = await start(2, 1);
    const [leader, follower] = replicas as [Replica, Replica];
    const client = startCommand(
      "generate",
      ...["--endpoint", `127.0.0.1:${leader.port},127.0.0.1:${follower.port}`, "--json"],
      ...["--prompt", "a red circle moves right", "--steps", "100", "--output", join(folder, "video.mp4")],
    );
    await client.line(/"step":3,/);
    await leader.end("SIGKILL");
    const { code, out, err } = await client.ended;
    assert.equal(code, 0, [...out, ...err].join("\n"));
    const steps = out.map((line) => JSON.parse(line)).filter(({ event }) => event === "step");
    assert.deepEqual(
      steps.map(({ step }) => step),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.ok(statSync(join(folder, "video.mp4")).size > 0);
  });
});
