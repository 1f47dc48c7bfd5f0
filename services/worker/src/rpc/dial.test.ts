import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import {
  ClusterError,
  type Logger,
  neverAborts,
  silentLogger,
  systemClock,
  systemRandom,
} from "@cogfleet/core";
import { freePort } from "@cogfleet/core/testing";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { credentials } from "@grpc/grpc-js";
import type { Artifact, Command } from "../assignment.js";
import { FleetClient } from "../fleet-client.js";
import { FakeCoordinator } from "../testing/fake-coordinator.js";
import { ARGS, assignment, FACTS } from "../testing/fakes.js";
import { dialCoordinator } from "./dial.js";

const WELCOME = { welcome: { protocolVersion: PROTOCOL_VERSION, heartbeatMs: 5, leaseMs: 50 } };
const ALONE = {
  plan: { cfg: 1, context: 1, rates: [1], vae: { serial: {} } },
  peers: [{ workerId: "w1", exchangeAddress: "here:7" }],
};
const REQUEST: SubmitRequest = { ...ARGS, model: "tiny", embedMetadata: true, extraArtifacts: [] };

/** A client that runs against an address; what it tells its worker is kept. */
function connect(t: TestContext, address: string) {
  const commands: Command[] = [];
  const lost: string[] = [];
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const log: Logger = {
    ...silentLogger,
    info: (_fields, message) => void lines.push(message),
    warn: (_fields, message) => void lines.push(message),
  };
  const dial = dialCoordinator(
    { random: systemRandom, log, credentials: credentials.createInsecure() },
    { address, host: "127.0.0.1" },
    {
      id: "w1",
      device: "cpu",
      precision: "fp32",
      threads: 2,
      model: FACTS,
      hostname: "here",
      pid: 7,
      version: "0.1.0",
      exchangeAddress: "here:7",
      configs: { transformerJson: "{}", vaeJson: "{}", textEncoderJson: "{}" },
      flopsPerSecond: 1e9,
      memoryBytes: 2e9,
      transformerForm: "whole",
    },
  );
  const client = new FleetClient({
    clock: systemClock,
    random: systemRandom,
    log,
    dial,
    address,
    takeVitals: () => ({ eventLoopLagMs: 1.5, stepComputeSeconds: 0.25, runSeconds: 130 }),
    onCommand(command) {
      commands.push(command);
      tell();
    },
    onWelcome: tell,
    onLeaseLost(reason) {
      lost.push(reason.message);
      tell();
    },
  });
  const stop = new AbortController();
  const running = client.run(stop.signal);
  running.catch(() => {}); // looked at by the tests that expect it
  t.after(async () => {
    stop.abort();
    await running.catch(() => {});
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo())
      await new Promise<void>((resolve) => {
        listeners.add(resolve);
      });
  };
  return { client, commands, lost, lines, running, until };
}

describe("a fleet client", () => {
  it("says what the worker is, and beats at the interval of the welcome", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    connect(t, coordinator.address);
    const connection = await coordinator.connection();
    const hello = await connection.nextOf("hello");
    assert.equal(hello.protocolVersion, PROTOCOL_VERSION);
    assert.deepEqual(
      [hello.workerId, hello.device, hello.precision, hello.threads, hello.hostname, hello.pid],
      ["w1", "cpu", "fp32", 2, "here", 7],
    );
    const [model] = hello.models;
    assert.deepEqual(
      [model?.name, model?.variant, model?.limits?.maxNumFrames, model?.fixedSequenceLength],
      ["tiny", "1.0", 17, true],
    );
    await connection.send(WELCOME);
    for (let i = 0; i < 3; i++) {
      const { eventLoopLagMs, stepComputeSeconds, runSeconds } = await connection.nextOf("heartbeat");
      assert.deepEqual([eventLoopLagMs, stepComputeSeconds, runSeconds], [1.5, 0.25, 130]);
    }
  });

  it("passes assignments, cancels and drains on, with the request checked and complete", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { commands, until } = connect(t, coordinator.address);
    const connection = await coordinator.connection();
    await connection.send(WELCOME);
    await connection.send({ assign: { jobId: "a", epoch: 3, request: REQUEST, ...ALONE } });
    await connection.send({ cancelAssignment: { jobId: "a", epoch: 3 } });
    await connection.send({ drain: {} });
    await connection.send({
      assign: { jobId: "b", epoch: 1, request: { ...REQUEST, model: "other" }, ...ALONE },
    });
    await connection.send({
      assign: { jobId: "c", epoch: 1, request: { ...REQUEST, numFrames: 5 }, ...ALONE },
    });
    await connection.send({ assign: { jobId: "d", epoch: 1, request: REQUEST, ...ALONE, rank: 1 } });
    await until(() => commands.length === 6);
    const id = { jobId: "a", epoch: 3 };
    assert.deepEqual(commands.slice(0, 4), [
      {
        kind: "assign",
        assignment: assignment("a", { ...id, peers: [{ id: "w1", exchangeAddress: "here:7" }] }),
      },
      { kind: "cancel", id },
      { kind: "drain" },
      { kind: "refuse", id: { jobId: "b", epoch: 1 }, reason: "model other is not tiny" },
    ]);
    const [refused, misplaced] = commands.slice(4);
    assert.match(misplaced?.kind === "refuse" ? misplaced.reason : "", /rank 1 of 1 peers/);
    assert.match(refused?.kind === "refuse" ? refused.reason : "", /num_frames 5 must be 8k\+1/);
  });

  it("sends reports in their order", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { client, until } = connect(t, coordinator.address);
    const connection = await coordinator.connection();
    await connection.send(WELCOME);
    await until(() => client.isConnected);
    const id = { jobId: "a", epoch: 3 };
    client.report({ kind: "stage_started", ...id, stage: "denoise", warnings: ["cut"] });
    const checkpoint = { step: 1, bytes: 7, sha256: "c" };
    client.report({ kind: "step_done", ...id, step: 1, seconds: 0.5, checkpoint });
    const failed = { kind: "failed", ...id, isRetryable: false, code: "numeric_error" } as const;
    client.report({ ...failed, message: "NaN" });
    client.report({ ...failed, message: "rank 2 was lost", code: "peer_lost", lostRank: 2 });
    const wireId = { jobId: "a", epoch: "3" };
    assert.deepEqual(await connection.nextOf("stageStarted"), {
      ...wireId,
      stage: "STAGE_DENOISE",
      warnings: ["cut"],
    });
    assert.deepEqual(await connection.nextOf("stepDone"), {
      ...wireId,
      step: 1,
      seconds: 0.5,
      checkpoint: { ...checkpoint, bytes: "7" },
    });
    assert.deepEqual(await connection.nextOf("assignmentFailed"), {
      ...wireId,
      error: { code: "numeric_error", message: "NaN" },
      retryable: false,
    });
    assert.equal((await connection.nextOf("assignmentFailed")).lostRank, 2);
  });

  it("leaves in order: what it reported before arrives, then the stream ends", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { client, running, until } = connect(t, coordinator.address);
    const connection = await coordinator.connection();
    await connection.send(WELCOME);
    await until(() => client.isConnected);
    client.report({ kind: "draining" });
    client.leave();
    client.report({ kind: "draining" }); // too late, and harmless
    await connection.nextOf("draining");
    assert.equal(await connection.next(), undefined);
    await running;
  });
});

describe("a fleet client whose coordinator will never take it", () => {
  it("fails with both versions when the welcome is of another protocol", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { running } = connect(t, coordinator.address);
    const connection = await coordinator.connection();
    await connection.send({ welcome: { ...WELCOME.welcome, protocolVersion: 99 } });
    await assert.rejects(running, {
      code: "incompatible_version",
      message: `the coordinator speaks protocol version 99, this worker speaks ${PROTOCOL_VERSION}: run the same release`,
    });
  });

  it("fails with the coordinator's words when it refuses the hello for good", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { running } = connect(t, coordinator.address);
    (await coordinator.connection()).end(
      new ClusterError("incompatible_version", "worker w1 speaks another protocol"),
    );
    await assert.rejects(running, {
      code: "incompatible_version",
      message: "worker w1 speaks another protocol",
    });
  });
});

describe("a fleet client without its coordinator", () => {
  it("warns once, tries on, and says when it is connected again", async (t) => {
    // Something that hangs up stands where the coordinator should.
    const port = await freePort();
    const stranger = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
    await once(stranger, "listening");
    const { lines, until, client } = connect(t, `127.0.0.1:${port}`);
    const warning = `no connection to the coordinator at 127.0.0.1:${port}; trying on`;
    const connected = "connected to the coordinator";
    for (let attempts = 0; attempts < 3; attempts++) await once(stranger, "connection");
    assert.deepEqual(lines, [warning]);
    stranger.close();
    await once(stranger, "close");
    const first = await FakeCoordinator.start(t, port);
    const connection = await first.connection();
    await connection.send(WELCOME);
    await until(() => client.isConnected);
    assert.deepEqual(lines, [warning, connected]);
    connection.end();
    await (await first.connection()).send(WELCOME);
    await until(() => lines.length === 4);
    assert.deepEqual(lines.slice(2), [warning, connected]);
  });

  it("gives what was assigned up when the lease has run out", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { lost, until } = connect(t, coordinator.address);
    await (await coordinator.connection()).send(WELCOME);
    await until(() => lost.length === 1); // with the welcome: nothing was held before it
    await coordinator.stop();
    await until(() => lost.length === 2);
    assert.equal(lost[1], "the coordinator could not be reached for 50 ms");
  });

  it("gives it up at once when it comes back sooner: the coordinator took it for dead", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { lost, until } = connect(t, coordinator.address);
    const welcome = { welcome: { ...WELCOME.welcome, leaseMs: 60_000 } };
    const connection = await coordinator.connection();
    await connection.send(welcome);
    await until(() => lost.length === 1);
    connection.end();
    await (await coordinator.connection()).send(welcome);
    await until(() => lost.length === 2);
    assert.equal(lost[1], "the connection to the coordinator was lost in between");
  });
});

describe("an upload", () => {
  const data = Uint8Array.from({ length: 2_500_000 }, (_, i) => i % 251);
  const artifact: Artifact = {
    kind: "video",
    bytes: data.length,
    sha256: "ab".repeat(32),
    mediaType: "video/mp4",
  };
  const id = { jobId: "a", epoch: 3 };

  it("sends the header, then every byte once", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { client, until } = connect(t, coordinator.address);
    await (await coordinator.connection()).send(WELCOME);
    await until(() => client.isConnected);
    await client.putArtifact(id, artifact, data, neverAborts);
    const [upload = []] = coordinator.uploads;
    assert.deepEqual(upload[0]?.header?.artifact, {
      kind: "ARTIFACT_KIND_VIDEO",
      bytes: "2500000",
      sha256: "ab".repeat(32),
      mediaType: "video/mp4",
    });
    assert.deepEqual([upload[0]?.header?.jobId, upload[0]?.header?.epoch], ["a", "3"]);
    const chunks = upload.slice(1).map((chunk) => chunk.data ?? Buffer.alloc(0));
    assert.ok(chunks.every((chunk) => chunk.length <= 1024 * 1024));
    assert.ok(Buffer.concat(chunks).equals(data));
  });

  it("stops when it is refused in the middle, with the coordinator's reason", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    coordinator.refusal = new ClusterError("conflict", "epoch 3 of job a is over");
    const { client, until } = connect(t, coordinator.address);
    await (await coordinator.connection()).send(WELCOME);
    await until(() => client.isConnected);
    await assert.rejects(client.putArtifact(id, artifact, data, neverAborts), {
      code: "conflict",
      message: "epoch 3 of job a is over",
    });
  });

  it("is kept until there is a connection, or it is not wanted any more", async (t) => {
    const coordinator = await FakeCoordinator.start(t);
    const { client } = connect(t, coordinator.address);
    const stored = client.putArtifact(id, artifact, data, neverAborts);
    await (await coordinator.connection()).send(WELCOME);
    await stored;
    assert.equal(coordinator.uploads.length, 1);
    const abandoned = AbortSignal.abort(new ClusterError("lease_lost", "too late"));
    await assert.rejects(client.putArtifact(id, artifact, data, abandoned), /too late/);
  });
});
