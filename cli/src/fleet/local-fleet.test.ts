import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { type FleetPlan, type LocalFleet, startLocalFleet } from "./local-fleet.js";
import type { ProcessEnd, ServiceProcess, ServiceReady } from "./service-process.js";

interface Started {
  readonly name: string;
  readonly args: readonly string[];
  end(how: ProcessEnd): void;
}

/** Processes that live until a test ends them; those named in `broken` fail to start. */
function fakeMachine(broken: readonly string[] = []) {
  const started: Started[] = [];
  const stopped: string[] = [];
  const notices: string[] = [];
  const clock = new ManualClock();
  let pid = 100;
  const start = (_: string, command: { name: string; args: readonly string[] }): ServiceProcess => {
    let end: (how: ProcessEnd) => void = () => {};
    const ended = new Promise<ProcessEnd>((resolve) => {
      end = resolve;
    });
    started.push({ ...command, end: (how) => end(how) });
    pid += 1;
    const ready: Promise<ServiceReady> = broken.includes(command.name)
      ? Promise.reject(new ClusterError("invalid_checkpoint", `${command.name}: weights are cut off`))
      : Promise.resolve({ port: 4000, httpPort: 0 });
    ready.catch(() => end({ code: 2, signal: null }));
    return {
      name: command.name,
      pid,
      ready,
      ended,
      stop: async () => {
        stopped.push(command.name);
        end({ code: 0, signal: null });
      },
    };
  };
  return {
    started,
    stopped,
    notices,
    clock,
    deps: { clock, start, onNotice: (text: string) => void notices.push(text) },
  };
}

const plan: FleetPlan = {
  coordinatorArgs: ["--data", "d"],
  port: 0,
  workers: 2,
  workerArgs: ["--model", "m"],
};

describe("a local fleet", () => {
  it("gives its workers the coordinator's address and stops them before it", async () => {
    const machine = fakeMachine();
    const fleet = await startLocalFleet(plan, machine.deps, neverAborts);
    assert.deepEqual(
      machine.started.map(({ name, args }) => [name, ...args]),
      [
        ["coordinator", "--port", "0", "--data", "d"],
        ["worker 1", "--coordinator", "127.0.0.1:4000", "--model", "m"],
        ["worker 2", "--coordinator", "127.0.0.1:4000", "--model", "m"],
      ],
    );
    assert.deepEqual([fleet.coordinatorPid(), ...fleet.workerPids()], [101, 102, 103]);
    await fleet.stop(neverAborts);
    await fleet.stop(neverAborts);
    assert.deepEqual(machine.stopped, ["worker 1", "worker 2", "coordinator"]);
  });

  it("starts again what dies, the coordinator on the port that its workers know", async () => {
    const machine = fakeMachine();
    const fleet = await startLocalFleet(plan, machine.deps, neverAborts);
    machine.started[0]?.end({ code: null, signal: "SIGKILL" });
    machine.started[2]?.end({ code: 1, signal: null });
    await machine.clock.advance(1000);
    assert.deepEqual(
      machine.started.slice(3).map(({ name, args }) => [name, args[1]]),
      [
        ["coordinator", "4000"],
        ["worker 2", "127.0.0.1:4000"],
      ],
    );
    assert.deepEqual([fleet.coordinatorPid(), ...fleet.workerPids()], [104, 102, 105]);
    assert.ok(machine.notices.includes("coordinator (pid 101) ended by SIGKILL; starting it again"));
    assert.equal(fleet.failed.aborted, false);
    await fleet.stop(neverAborts);
  });

  it("lets a worker go that was drained", async () => {
    const machine = fakeMachine();
    const fleet = await startLocalFleet(plan, machine.deps, neverAborts);
    machine.started[1]?.end({ code: 0, signal: null });
    await machine.clock.advance(1000);
    assert.equal(machine.started.length, 3);
    assert.ok(machine.notices.includes("worker 1 (pid 102) left, as it was told to"));
    assert.equal(fleet.failed.aborted, false);
    await fleet.stop(neverAborts);
  });

  it("gives up on a service that dies six times within a minute", async () => {
    const machine = fakeMachine();
    const fleet = await startLocalFleet({ ...plan, workers: 1 }, machine.deps, neverAborts);
    for (let i = 0; i < 6; i++) {
      machine.started.at(-1)?.end({ code: 1, signal: null });
      await machine.clock.advance(1000);
    }
    assert.ok(fleet.failed.aborted);
    assert.match(String(fleet.failed.reason), /worker 1 ended 6 times within a minute/);
    await fleet.stop(neverAborts);
  });

  it("keeps going when deaths are minutes apart", async () => {
    const machine = fakeMachine();
    const fleet: LocalFleet = await startLocalFleet({ ...plan, workers: 1 }, machine.deps, neverAborts);
    for (let i = 0; i < 12; i++) {
      machine.started.at(-1)?.end({ code: 1, signal: null });
      await machine.clock.advance(20_000);
    }
    assert.equal(fleet.failed.aborted, false);
    assert.equal(machine.started.length, 14);
    await fleet.stop(neverAborts);
  });

  it("fails as its worker fails to start, and leaves nothing behind", async () => {
    const machine = fakeMachine(["worker 2"]);
    await assert.rejects(startLocalFleet(plan, machine.deps, neverAborts), {
      code: "invalid_checkpoint",
      message: "worker 2: weights are cut off",
    });
    assert.deepEqual(machine.stopped, ["worker 1", "worker 2", "coordinator"]);
  });
});
