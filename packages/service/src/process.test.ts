import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { ClusterError, silentLogger } from "@cogfleet/core";
import { type RunOptions, runService } from "./process.js";

class FakeProcess extends EventEmitter {
  connected = true;
}

/** Runs a service whose stop can be held back, and tells what became of it. */
function run(over: Partial<RunOptions> = {}) {
  const process = new FakeProcess();
  const failures: string[] = [];
  const started = gate();
  const stopping = gate();
  const mayStop = gate();
  const code = runService({
    process,
    log: silentLogger,
    graceMs: 10_000,
    onFailure: (sentence) => failures.push(sentence),
    start: async () => {
      started.open();
      return {
        stop: () => {
          stopping.open();
          return mayStop.opened;
        },
      };
    },
    ...over,
  });
  return { process, failures, started, stopping, mayStop, code };
}

function gate(): { opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe("runService", () => {
  for (const event of ["SIGTERM", "SIGINT", "disconnect"]) {
    it(`stops on ${event} and ends with 0`, async () => {
      const { process, started, stopping, mayStop, code } = run();
      await started.opened;
      process.emit(event);
      await stopping.opened;
      mayStop.open();
      assert.equal(await code, 0);
      assert.deepEqual(process.eventNames(), []);
    });
  }

  it("stops a service that can do no more, and ends with 1 and its reason", async () => {
    const failed = new AbortController();
    let isStopped = false;
    const stop = async (): Promise<void> => {
      isStopped = true;
    };
    const { failures, code } = run({ start: async () => ({ failed: failed.signal, stop }) });
    failed.abort(new ClusterError("incompatible_version", "the coordinator speaks version 2"));
    assert.equal(await code, 1);
    assert.ok(isStopped);
    assert.deepEqual(failures, ["the coordinator speaks version 2"]);
  });

  it("ends at once with 130 on the second signal", async () => {
    const { process, started, stopping, code } = run();
    await started.opened;
    process.emit("SIGINT");
    await stopping.opened;
    process.emit("SIGINT");
    assert.equal(await code, 130);
  });

  it("does not outlive a parent that died before it listened", async () => {
    const orphan = new FakeProcess();
    orphan.connected = false;
    const { code, mayStop } = run({ process: orphan });
    mayStop.open();
    assert.equal(await code, 0);
  });

  const failures: readonly (readonly [ClusterError | Error, number, string])[] = [
    [new ClusterError("invalid_config", "no such folder"), 2, "no such folder"],
    [new ClusterError("invalid_checkpoint", "weights are cut off"), 2, "weights are cut off"],
    [new ClusterError("unavailable", "the disk is gone"), 1, "the disk is gone"],
    [new Error("secret"), 1, "internal error"],
  ];
  for (const [reason, exit, sentence] of failures) {
    it(`ends with ${exit} when the start fails: ${sentence}`, async () => {
      const { code, failures: said } = run({ start: () => Promise.reject(reason) });
      assert.equal(await code, exit);
      assert.deepEqual(said, [sentence]);
    });
  }

  it("gives up a start that the signal interrupts", async () => {
    const waiting = gate();
    const { process, code } = run({
      start: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          waiting.open();
        }),
    });
    await waiting.opened;
    process.emit("SIGTERM");
    assert.equal(await code, 0);
  });
});
