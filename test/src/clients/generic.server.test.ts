import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { FakeWorker } from "../coordinator/fake-worker.js";
import { withCoordinator } from "../coordinator/in-process.js";
import { findTool, inRepository, jsonStream, output } from "./tool.js";

// Larger than one chunk of a download.
const VIDEO = Buffer.from(Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * 31) % 253));

/** Calls a method with a message in JSON; the responses, in JSON. Needs nothing but the address. */
type Caller = (port: number, method: string, message: object) => Promise<unknown[]>;

const grpcurl: Caller = async (port, method, message) =>
  jsonStream(
    await output(findTool("grpcurl"), [
      "-plaintext",
      "-d",
      JSON.stringify(message),
      `127.0.0.1:${port}`,
      method,
    ]),
  );

const bufCurl: Caller = async (port, method, message) =>
  jsonStream(
    await output(findTool("buf"), [
      "curl",
      "--protocol",
      "grpc",
      "--http2-prior-knowledge",
      "-d",
      JSON.stringify(message),
      `http://127.0.0.1:${port}/${method}`,
    ]),
  );

interface Message {
  readonly id?: string;
  readonly state?: string;
  readonly sequence?: string;
  readonly data?: string;
  readonly status?: string;
  readonly artifact?: { readonly sha256: string };
}

/** Performs every job that comes, one at a time, until it is killed. */
async function workOn(worker: FakeWorker): Promise<void> {
  for (;;) await worker.perform(await worker.next("assign"), VIDEO);
}

for (const [name, call] of [
  ["grpcurl", grpcurl],
  ["buf curl", bufCurl],
] as const) {
  const one = async (port: number, method: string, message: object): Promise<Message> => {
    const [response] = await call(port, method, message);
    return response as Message;
  };

  describe(`${name}, which knows the coordinator by reflection alone`, () => {
    it("submits, watches and downloads", () =>
      withCoordinator(async (coordinator) => {
        const { port } = coordinator;
        const worker = coordinator.worker("w");
        await worker.next("welcome");
        const work = workOn(worker).catch(() => {});
        const job = await one(port, "cogfleet.v1.Generation/Submit", {
          prompt: "a red circle",
          numInferenceSteps: 2,
        });
        const events = (await call(port, "cogfleet.v1.Generation/Watch", { jobId: job.id })) as Message[];
        assert.deepEqual(
          events.map((event) => event.sequence),
          ["1", "2", "3", "4", "5", "6", "7", "8"],
        );
        assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
        const chunks = (await call(port, "cogfleet.v1.Generation/Download", { jobId: job.id })) as Message[];
        const video = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk.data ?? "", "base64")));
        assert.ok(chunks.length > 1);
        assert.ok(video.equals(VIDEO));
        const done = await one(port, "cogfleet.v1.Generation/Get", { jobId: job.id });
        assert.equal(done.artifact?.sha256, createHash("sha256").update(VIDEO).digest("hex"));
        worker.kill();
        await work;
      }));

    it("cancels", () =>
      withCoordinator(async (coordinator) => {
        const worker = coordinator.worker("w");
        await worker.next("welcome");
        worker.kill();
        const job = await one(coordinator.port, "cogfleet.v1.Generation/Submit", { prompt: "a red circle" });
        const cancelled = await one(coordinator.port, "cogfleet.v1.Generation/Cancel", { jobId: job.id });
        assert.equal(cancelled.state, "JOB_STATE_CANCELLED");
      }));

    it("reads the sentence of a refusal", () =>
      withCoordinator(async (coordinator) => {
        await coordinator.worker("w").next("welcome");
        await assert.rejects(
          one(coordinator.port, "cogfleet.v1.Generation/Submit", { prompt: "x", numFrames: 10 }),
          /num_frames 10 must be 8k\+1/,
        );
      }));

    it("checks health", () =>
      withCoordinator(async ({ port }) => {
        const health = await one(port, "grpc.health.v1.Health/Check", { service: "cogfleet.v1.Generation" });
        assert.equal(health.status, "SERVING");
      }));
  });
}

describe("grpcurl", () => {
  it("lists every service, health too", () =>
    withCoordinator(async ({ port }) => {
      const services = (await output(findTool("grpcurl"), ["-plaintext", `127.0.0.1:${port}`, "list"])).split(
        "\n",
      );
      for (const service of ["cogfleet.v1.Generation", "cogfleet.v1.Fleet", "grpc.health.v1.Health"]) {
        assert.ok(services.includes(service), `${service} is not in ${services.join(" ")}`);
      }
    }));
});

describe("a Python client made from the protos", () => {
  async function python(port: number, what: "submit" | "cancel"): Promise<Record<string, unknown>> {
    const generated = mkdtempSync(join(tmpdir(), "cogfleet-python-"));
    try {
      const text = await output(inRepository(".tools/python/bin/python"), [
        inRepository("test/python/generate.py"),
        inRepository("proto"),
        generated,
        `127.0.0.1:${port}`,
        what,
      ]);
      return JSON.parse(text);
    } finally {
      rmSync(generated, { recursive: true, force: true });
    }
  }

  it("submits, watches and downloads", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      const work = workOn(worker).catch(() => {});
      const { states, sequences, sha256, announced, refusal } = await python(coordinator.port, "submit");
      assert.deepEqual(sequences, [1, 2, 3, 4, 5, 6, 7, 8]);
      assert.equal((states as string[]).at(-1), "JOB_STATE_COMPLETED");
      assert.equal(sha256, createHash("sha256").update(VIDEO).digest("hex"));
      assert.equal(announced, sha256);
      assert.deepEqual(refusal, ["INVALID_ARGUMENT", 'prompt " " must not be blank']);
      worker.kill();
      await work;
    }));

  it("cancels", () =>
    withCoordinator(async (coordinator) => {
      const worker = coordinator.worker("w");
      await worker.next("welcome");
      worker.kill();
      const { states } = await python(coordinator.port, "cancel");
      assert.deepEqual(states, ["JOB_STATE_QUEUED", "JOB_STATE_CANCELLED"]);
    }));
});
