// Row 24 of docs/reliability.md: clients that watch a job and stop reading.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { neverAborts, systemClock } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import { type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { each, FaultFleet, stepsOf } from "./fleet.js";

const STEPS = 300;
const LAZY = 200;
const SLOW = 10;
const PROMPT = 10;
const SLOW_MS = 40; // slower than the steps come
const KIB = 1024;
// As long as names may be: it is in each event, and a client takes some 20 KiB before it stops the coordinator.
const WORKER = "w".repeat(200);

// What may be held for a watcher that does not read: a page of 100 events, of less than a KiB each as objects, what the
// sockets do not take, and the stream itself.
const HELD_KIB = 100 + 64;
// Garbage that nobody has collected yet: a young generation, and what was promoted from it.
const GARBAGE_KIB = 48 * KIB;

type Watch = ClientReadableStream<Event__Output>;

/** A watcher with a connection of its own, which takes so little unread that the coordinator soon has to wait for it. */
function watcher(t: TestContext, port: number, jobId: string): Watch {
  const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc-node.flow_control_window": KIB,
  });
  t.after(() => client.close());
  const call = client.watch({ jobId });
  call.on("error", () => {}); // of those that are still open when the test fails
  return call;
}

/** The sequence numbers of all that comes, with a pause after each. */
async function read(call: Watch, pauseMs = 0): Promise<number[]> {
  const seen: number[] = [];
  for await (const { sequence } of call as AsyncIterable<Event__Output>) {
    seen.push(Number(sequence));
    if (pauseMs > 0) await systemClock.sleep(pauseMs, neverAborts);
  }
  return seen;
}

describe("watchers", { timeout: 540_000 }, () => {
  it("row 24: two hundred that do not read hold up nobody, cost a page each, and miss nothing", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker(WORKER);
    await fleet.undisturbed({ numInferenceSteps: STEPS }); // the coordinator has its usual size by then

    const { id } = await fleet.submit({ numInferenceSteps: STEPS });
    const watch = (): Watch => watcher(t, fleet.port, id);
    const lazy = Array.from({ length: LAZY }, watch);
    for (const call of lazy) call.read(0); // it takes a few events, and is not asked for them
    await Promise.all(lazy.map((call) => new Promise((resolve) => call.once("metadata", resolve))));
    const connectedKib = anonymousKib(fleet.coordinatorPid);
    const ended = (): Promise<number> => fleet.figure("cogfleet_grpc_server_handled_total", '/Watch"');
    const endedBefore = await ended();
    const prompt = Array.from({ length: PROMPT }, () => read(watch()));
    const slow = Array.from({ length: SLOW }, () => read(watch(), SLOW_MS));
    const events = await fleet.history(id);
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
    assert.deepEqual(stepsOf(events), each(STEPS));
    const heldKib = anonymousKib(fleet.coordinatorPid) - connectedKib;

    const whole = each(events.length);
    for (const seen of await Promise.all([...prompt, ...slow])) assert.deepEqual(seen, whole);
    assert.equal((await ended()) - endedBefore, PROMPT + SLOW + 1, "the others were not waited for");
    for (const seen of await Promise.all(lazy.map((call) => read(call)))) assert.deepEqual(seen, whole);
    t.diagnostic(
      `${LAZY} that did not read ${events.length} events: ${(heldKib / KIB).toFixed(1)} MiB more in the coordinator`,
    );
    assert.ok(heldKib < LAZY * HELD_KIB + GARBAGE_KIB, `the coordinator grew by ${heldKib} KiB`);
  });
});

/** Of a process: memory that no file stands behind. */
function anonymousKib(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib);
}
