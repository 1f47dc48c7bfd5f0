import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { queuedJob } from "../testing/sample-job.js";
import type { Job, JobEvent } from "./generation.js";
import { PATIENCE_MS, Patience } from "./patience.js";
import { watchJob } from "./watch-job.js";

function event(sequence: number, state: JobEvent["state"] = "running"): JobEvent {
  return {
    sequence,
    jobId: "j",
    state,
    stage: "denoise",
    step: sequence,
    steps: 9,
    seconds: 0,
    message: "",
    error: undefined,
    workerIds: [],
    waitReason: "",
    parts: [],
  };
}

const job: Job = { ...queuedJob, id: "j", state: "running", steps: 9, attempts: 1 };
const gone = new ClusterError("peer_lost", "cannot reach the coordinator");

/** Silence on a stream that stands, milliseconds. */
type Silence = number;
type Stream = readonly (JobEvent | ClusterError | Silence)[];

/** A coordinator whose streams go as scripted: events, then the error that breaks the stream, or its plain end. */
function scripted(streams: readonly Stream[], clock: ManualClock) {
  const asked: number[] = [];
  return {
    asked,
    client: {
      async get(): Promise<Job> {
        const next = streams[asked.length];
        if (next === undefined || next[0] instanceof ClusterError) throw gone;
        return job;
      },
      async *watch(_: string, afterSequence: number): AsyncGenerator<JobEvent> {
        const stream = streams[asked.length] ?? [gone];
        asked.push(afterSequence);
        for (const item of stream) {
          if (item instanceof ClusterError) throw item;
          if (typeof item === "number") await clock.sleep(item, neverAborts);
          else yield item;
        }
      },
    },
  };
}

async function collect(
  streams: readonly Stream[],
): Promise<{ seen: number[]; asked: number[]; notices: string[]; error: unknown }> {
  const clock = new ManualClock();
  const { client, asked } = scripted(streams, clock);
  const notices: string[] = [];
  const seen: number[] = [];
  let error: unknown;
  let isOver = false;
  const work = (async () => {
    const onNotice = (text: string): void => void notices.push(text);
    const deps = { client, clock, patience: new Patience({ clock, onNotice }, "cogfleet jobs watch j") };
    for await (const { sequence } of watchJob(deps, "j", 0, neverAborts)) seen.push(sequence);
  })()
    .catch((reason: unknown) => {
      error = reason;
    })
    .finally(() => {
      isOver = true;
    });
  while (!isOver) await clock.advance(1000);
  await work;
  return { seen, asked, notices, error };
}

describe("watching a job", () => {
  it("takes a broken stream up after the last event it saw", async () => {
    const { seen, asked, notices, error } = await collect([
      [event(1), event(2), gone],
      [gone],
      [event(3), event(4, "completed")],
    ]);
    assert.equal(error, undefined);
    assert.deepEqual(seen, [1, 2, 3, 4]);
    assert.deepEqual(asked, [0, 2, 2]);
    assert.deepEqual(notices, ["lost the coordinator; trying again for 60 s", "the coordinator is back"]);
  });

  it("gives every event once, even when a stream repeats them", async () => {
    const { seen } = await collect([
      [event(1), event(2), gone],
      [event(1), event(2), event(3, "failed")],
    ]);
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it("goes on when a stream ends without the job's end", async () => {
    const { seen } = await collect([[event(1)], [event(2, "cancelled")]]);
    assert.deepEqual(seen, [1, 2]);
  });

  it("gives up when the coordinator stays away, and says how to look again", async () => {
    const { error, asked } = await collect([[event(1), gone]]);
    assert.ok(error instanceof ClusterError && error.code === "unavailable");
    assert.match(error.message, /cogfleet jobs watch j/);
    assert.ok(asked.length > PATIENCE_MS / 4000 && asked.length < 30, `${asked.length} tries`);
  });

  it("does not take the silence of a stream that stands for the coordinator's absence", async () => {
    // A proxy cuts what is silent for a minute, and the job waits in the queue for longer.
    const cut = new ClusterError("unavailable", "Received RST_STREAM with code 8");
    const { error, seen, asked, notices } = await collect([
      [event(1), 60_000, cut],
      [60_000, cut],
      [60_000, cut],
      [event(2, "completed")],
    ]);
    assert.equal(error, undefined);
    assert.deepEqual(
      [seen, asked],
      [
        [1, 2],
        [0, 1, 1, 1],
      ],
    );
    const away = ["lost the coordinator; trying again for 60 s", "the coordinator is back"];
    assert.deepEqual(notices, [...away, ...away, ...away]);
  });

  it("gives up on a coordinator that answers but breaks every stream", async () => {
    const { error } = await collect([[event(1), gone], ...Array.from({ length: 40 }, () => [500, gone])]);
    assert.ok(error instanceof ClusterError && error.code === "unavailable");
  });

  it("does not try again for a job that is not known", async () => {
    const unknown = new ClusterError("job_not_found", "no job j");
    const { error, asked } = await collect([[unknown]]);
    assert.equal(error, unknown);
    assert.equal(asked.length, 1);
  });
});
