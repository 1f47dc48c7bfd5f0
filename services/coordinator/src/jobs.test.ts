import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import type { Artifact } from "./job.js";
import { House } from "./testing/house.js";
import { emptyVideo, sampleSubmission } from "./testing/sample-jobs.js";

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof ClusterError && error.code === expected;
}

describe("a job", () => {
  it("goes from submission through a worker to a video", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    await worker.report({ kind: "stage_started", ...worker.assignment, stage: "encode", warnings: ["cut"] });
    for (const step of [1, 2, 3]) await worker.step(step);
    const data = [Buffer.from("vid"), Buffer.from("eo")];
    const sha256 = createHash("sha256").update("video").digest("hex");
    const video: Artifact = { kind: "video", bytes: 5, sha256, mediaType: "video/mp4" };
    await worker.upload(video, data);
    await worker.done([video]);
    const done = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual(done.state, { kind: "completed", artifacts: [video] });
    assert.deepEqual(done.warnings, ["cut"]);
    const part = await house.jobs.openArtifact(job.id, "video", 1, neverAborts);
    const bytes: Uint8Array[] = [];
    for await (const piece of part.pieces) bytes.push(piece);
    assert.equal(Buffer.concat(bytes).toString(), "ideo");
    assert.deepEqual(
      (await house.events(job.id)).map(
        (event) => `${event.sequence} ${event.state} ${event.stage} ${event.step}`,
      ),
      [
        "1 queued undefined 0",
        "2 running undefined 0",
        "3 running encode 0",
        "4 running denoise 1",
        "5 running denoise 2",
        "6 running denoise 3",
        "7 completed denoise 3",
      ],
    );
  });

  it("runs beside another one when there are two workers", async () => {
    const house = new House();
    const workers = [house.worker("w1"), house.worker("w2")];
    const jobs = [await house.submit(), await house.submit()];
    for (const job of jobs) assert.equal(await house.state(job.id), "running");
    for (const worker of workers) await worker.finish();
    for (const job of jobs) assert.equal(await house.state(job.id), "completed");
  });

  it("waits for a worker to be free, those of higher priority first", async () => {
    const house = new House();
    const worker = house.worker("w");
    await house.submit();
    const low = await house.submit();
    const high = await house.submit({ priority: 1 });
    assert.equal(house.jobs.queuePosition(high.id), 0);
    assert.equal(house.jobs.queuePosition(low.id), 1);
    await worker.finish();
    assert.equal(worker.assignment.jobId, high.id);
    await worker.finish();
    assert.equal(worker.assignment.jobId, low.id);
  });

  it("fails at once for a reason that stays", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    await worker.fail(false, "numeric_error");
    const failed = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual(failed.state, { kind: "failed", error: { code: "numeric_error", message: "too big" } });
    assert.ok(house.noted.includes("finished failed numeric_error"));
  });

  it("is tried three times for a reason that may go, on another worker if there is one", async () => {
    const house = new House();
    const workers = [house.worker("w1"), house.worker("w2")];
    const job = await house.submit();
    const held: string[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const holder = workers.find((worker) => worker.kinds.at(-1) === `assign ${job.id} ${attempt}`);
      assert.ok(holder);
      held.push((await house.jobs.get(job.id, neverAborts)).workerIds.join());
      await holder.fail(true);
    }
    assert.deepEqual(held, ["w1", "w2", "w1"]);
    assert.equal(await house.state(job.id), "failed");
  });
});

describe("artifacts", () => {
  it("must be stored before a job is completed", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit({ extraArtifacts: ["latents"] });
    await worker.upload();
    await worker.done();
    assert.equal(await house.state(job.id), "running"); // again, on the same worker
    assert.equal(
      (await house.events(job.id)).find((event) => event.state === "queued" && event.sequence > 1)?.message,
      "queued again: the worker did not report its latents",
    );
    await worker.upload();
    const other = { ...emptyVideo, sha256: "f".repeat(64) };
    await worker.done([other, { ...emptyVideo, kind: "latents" }]);
    assert.match(
      (await house.events(job.id)).filter((event) => event.state === "queued").at(-1)?.message ?? "",
      /the video that was stored is not the one that the worker reported; the latents was not stored/,
    );
    assert.equal(await house.blobs.stat(`jobs/${job.id}/1/video`, neverAborts), undefined, "swept");
  });

  it("cannot be downloaded before, under another kind, or from beyond their end", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    const open = (kind: "video" | "frames", offset: number): Promise<unknown> =>
      house.jobs.openArtifact(job.id, kind, offset, neverAborts);
    await assert.rejects(open("video", 0), /is running: it has no video to download/);
    await worker.finish();
    await open("video", 0);
    await assert.rejects(open("frames", 0), /did not make frames; it made video/);
    await assert.rejects(open("video", 1), code("invalid_request"));
  });
});

describe("cancel", () => {
  it("ends a queued job at once", async () => {
    const house = new House();
    house.worker("w");
    await house.submit();
    const waiting = await house.submit();
    assert.equal((await house.jobs.cancel(waiting.id, neverAborts)).state.kind, "cancelled");
    assert.equal(house.dispatcher.queue.size, 0);
  });

  it("asks the worker of a running job, which then takes the next one", async () => {
    const house = new House();
    const worker = house.worker("w");
    const first = await house.submit();
    const second = await house.submit();
    assert.equal((await house.jobs.cancel(first.id, neverAborts)).state.kind, "running");
    assert.equal(worker.kinds.at(-1), `cancel ${first.id} 1`);
    await worker.fail(false, "cancelled");
    assert.equal(await house.state(first.id), "cancelled");
    assert.equal(await house.state(second.id), "running");
  });

  it("holds when the worker finishes all the same, or is lost", async () => {
    for (const ending of ["finish", "leave"] as const) {
      const house = new House();
      const worker = house.worker("w");
      const job = await house.submit();
      await house.jobs.cancel(job.id, neverAborts);
      await worker[ending]();
      assert.equal(await house.state(job.id), "cancelled");
    }
  });

  it("changes nothing once a job has ended, and knows no other jobs", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    await worker.finish();
    assert.equal((await house.jobs.cancel(job.id, neverAborts)).state.kind, "completed");
    await assert.rejects(house.jobs.cancel("none", neverAborts), code("job_not_found"));
  });
});

describe("submit", () => {
  it("waits for the first worker to say what there is", async () => {
    const house = new House();
    await assert.rejects(house.submit(), code("unavailable"));
    const worker = house.worker("w");
    await worker.leave();
    const job = await house.submit(); // the model stays known
    assert.equal(await house.state(job.id), "queued");
  });

  it("gives the same job for the same key and body, in a storm too, and refuses another body", async () => {
    const house = new House();
    house.worker("w");
    const storm = await Promise.all(Array.from({ length: 20 }, () => house.submit({ idempotencyKey: "k" })));
    assert.equal(new Set(storm.map((job) => job.id)).size, 1);
    assert.equal(house.noted.filter((note) => note === "submitted").length, 1);
    await assert.rejects(house.submit({ idempotencyKey: "k", seed: "5" }), code("already_exists"));
    // Even one that would be refused for itself: what counts is that the key is taken.
    await assert.rejects(house.submit({ idempotencyKey: "k", prompt: "" }), code("already_exists"));
  });

  it("is of the trace that it was submitted in first, which is no part of the body", async () => {
    const house = new House();
    house.worker("w");
    const body = sampleSubmission({ idempotencyKey: "k" });
    const traces = ["1", "2"].map((digit) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`);
    const ids = [];
    for (const trace of traces) ids.push((await house.jobs.submit(body, neverAborts, trace)).id);
    assert.equal(ids[1], ids[0]);
    const kept = await house.jobs.get(ids[0] ?? "", neverAborts);
    assert.equal(kept.traceparent, traces[0]);
  });

  it("keeps the idempotency keys of tenants apart", async () => {
    const house = new House();
    house.worker("w");
    const first = await house.submit({ idempotencyKey: "k" });
    const other = await house.submit({ idempotencyKey: "k", tenant: "blue" });
    assert.notEqual(other.id, first.id);
    assert.equal((await house.submit({ idempotencyKey: "k", tenant: "blue" })).id, other.id);
    await assert.rejects(house.submit({ idempotencyKey: "k", tenant: "a!b" }), code("invalid_request"));
  });

  it("refuses a tenant more jobs than it may have waiting, and no other tenant", async () => {
    const house = new House({ maxTenantQueued: 1 });
    house.worker("w");
    await house.submit();
    await house.submit({ tenant: "blue" });
    await assert.rejects(house.submit({ tenant: "blue" }), /of tenant "blue" are waiting.*max_tenant_queued/);
    await house.submit({ tenant: "red" });
  });

  it("never runs more ranks of a tenant than it may hold", async () => {
    const house = new House({ maxTenantRanks: 1 });
    for (const id of ["w1", "w2"]) house.worker(id);
    const blue = [await house.submit({ tenant: "blue" }), await house.submit({ tenant: "blue" })];
    const red = await house.submit({ tenant: "red" });
    const states = [];
    for (const { id } of [...blue, red]) states.push(await house.state(id));
    assert.deepEqual(states, ["running", "queued", "running"]);
    await assert.rejects(house.submit({ parallel: "context=2" }), /max_tenant_ranks/);
  });

  it("holds nothing against a tenant that ran on workers which another coordinator led in between", async () => {
    const house = new House({ maxTenantRanks: 1 });
    const worker = house.worker("w");
    const { id } = await house.submit();
    house.fleet.close();
    house.fleet.open();
    house.worker("w");
    await house.dispatcher.reclaim(worker.assignment, "its coordinator lost the lead");
    assert.equal(await house.state(id), "running");
  });

  it("refuses more jobs than may wait, and takes them again when there is room", async () => {
    const house = new House({ maxQueued: 2 });
    const worker = house.worker("w");
    await house.submit();
    const burst = await Promise.allSettled(Array.from({ length: 5 }, () => house.submit()));
    assert.equal(burst.filter((result) => result.status === "fulfilled").length, 2);
    const [refused] = burst.filter((result) => result.status === "rejected");
    assert.ok(refused?.reason instanceof ClusterError);
    assert.equal(refused.reason.code, "resource_exhausted");
    assert.match(refused.reason.message, /^2 jobs are waiting, .* \(max_queued\): try again in about \d+ s$/);
    assert.ok(Number(refused.reason.details["retryAfterMs"]) >= 1000);
    await worker.finish();
    await house.submit();
  });
});

describe("watch", () => {
  async function collect(house: House, jobId: string, after: number): Promise<number[]> {
    const seen: number[] = [];
    for await (const event of house.jobs.watch(jobId, after, neverAborts)) seen.push(event.sequence);
    return seen;
  }

  it("replays what was missed, goes on live and ends after the terminal event", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    await worker.step(1);
    const live = collect(house, job.id, 0);
    const later = collect(house, job.id, 2);
    await worker.step(2);
    await worker.finish();
    assert.deepEqual(await live, [1, 2, 3, 4, 5]);
    assert.deepEqual(await later, [3, 4, 5]);
    assert.deepEqual(await collect(house, job.id, 4), [5]);
    assert.deepEqual(await collect(house, job.id, 5), []);
    assert.deepEqual(await collect(house, job.id, 99), []);
  });

  it("serves a thousand watchers of one job, each in order and to its end", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit({ numInferenceSteps: 20 });
    const half = Math.floor(1000 / 2);
    const early = Array.from({ length: half }, () => collect(house, job.id, 0));
    for (let step = 1; step <= 20; step++) await worker.step(step);
    const late = Array.from({ length: half }, (_, i) => collect(house, job.id, i % 10));
    await worker.finish();
    const last = (await house.jobs.get(job.id, neverAborts)).lastSequence;
    for (const [i, seen] of (await Promise.all([...early, ...late])).entries()) {
      const after = i < half ? 0 : (i - half) % 10;
      assert.deepEqual(
        seen,
        Array.from({ length: last - after }, (_, n) => after + n + 1),
      );
    }
  });

  it("reads the store for all watchers that want the same at once, not for each", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit({ numInferenceSteps: 20 });
    let reads = 0;
    const { store } = house;
    const events = store.events.bind(store);
    store.events = (...args) => {
      reads += 1;
      return events(...args);
    };
    const watchers = Array.from({ length: 100 }, () => collect(house, job.id, 0));
    for (let step = 1; step <= 20; step++) await worker.step(step);
    await worker.finish();
    await Promise.all(watchers);
    const { lastSequence } = await house.jobs.get(job.id, neverAborts);
    assert.ok(reads <= 2 * lastSequence, `${reads} reads of ${lastSequence} events`);
  });

  it("keeps one page for a slow reader, however much happens", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit({ numInferenceSteps: 1000 });
    let read = 0;
    const { store } = house;
    const events = store.events.bind(store);
    store.events = async (...args) => {
      const page = await events(...args);
      read += page.length;
      return page;
    };
    const watch = house.jobs.watch(job.id, 0, neverAborts);
    await watch.next();
    for (let step = 1; step <= 1000; step++)
      await worker.session.receive({ kind: "step_done", ...worker.assignment, step, seconds: 1 });
    await house.clock.advance(0);
    assert.ok(read <= 100, `${read} events were read ahead of the reader`);
    await worker.finish();
    let last = 1;
    for await (const event of watch) {
      assert.equal(event.sequence, last + 1);
      last = event.sequence;
    }
    assert.equal(last, 1003);
  });

  it("ends when the reader leaves, and keeps nothing of it", async () => {
    const house = new House();
    const job = (await house.worker("w").session) && (await house.submit());
    let listeners = 0;
    const { store } = house;
    const onChange = store.onChange.bind(store);
    store.onChange = (jobId, listener) => {
      listeners += 1;
      const stop = onChange(jobId, listener);
      return () => {
        listeners -= 1;
        stop();
      };
    };
    const stop = new AbortController();
    const reading = (async () => {
      for await (const event of house.jobs.watch(job.id, 0, stop.signal)) assert.ok(event);
    })();
    await house.clock.advance(0);
    assert.equal(listeners, 1);
    stop.abort(new Error("gone"));
    await assert.rejects(reading, /gone/);
    assert.equal(listeners, 0);
  });

  it("knows no other jobs", async () => {
    await assert.rejects(collect(new House(), "none", 0), code("job_not_found"));
  });
});
