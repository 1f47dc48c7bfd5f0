import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { readableLine, type ServiceProcess, startServiceProcess } from "./service-process.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-service-"));
after(() => rmSync(folder, { recursive: true }));

function start(source: string, onLine: (line: string) => void = () => {}): ServiceProcess {
  const file = join(folder, "service.mjs");
  writeFileSync(file, source);
  return startServiceProcess(
    { name: "worker 1", module: pathToFileURL(file), args: [], onLine },
    systemClock,
  );
}

describe("a service's process", () => {
  it("is ready when it says so, and ends on SIGTERM", async () => {
    const service = start(`
      process.on("SIGTERM", () => process.exit(0));
      setInterval(() => {}, 1000);
      process.send({ kind: "other" });
      process.send({ kind: "listening", port: 1, httpPort: 2, pid: process.pid });
    `);
    assert.deepEqual(await service.ready, { port: 1, httpPort: 2 });
    await service.stop(10_000, neverAborts);
    assert.deepEqual(await service.ended, { code: 0, signal: null });
  });

  it("is killed when it does not end within its grace", async () => {
    const service = start(`
      process.on("SIGTERM", () => {});
      setInterval(() => {}, 1000);
      process.send({ kind: "listening" });
    `);
    await service.ready;
    await service.stop(1, neverAborts);
    assert.deepEqual(await service.ended, { code: null, signal: "SIGKILL" });
  });

  it("fails with its last words when it ends before it is up; code 2 says that it was asked for something wrong", async () => {
    const words = 'console.error("worker: model.safetensors is cut off")';
    await assert.rejects(start(`${words}; process.exit(2);`).ready, {
      code: "invalid_config",
      message: "worker: model.safetensors is cut off",
    });
    await assert.rejects(start(`${words}; process.exit(1);`).ready, { code: "unavailable" });
    await assert.rejects(start("process.exit(1)").ready, /the worker 1 ended with code 1/);
  });
});

describe("a service's output", () => {
  it("is warnings and errors in words; what is not a log line stays as it is", () => {
    assert.equal(readableLine('{"level":30,"msg":"job assigned"}'), undefined);
    assert.equal(readableLine('{"level":40,"msg":"lost the coordinator"}'), "lost the coordinator");
    assert.equal(
      readableLine('{"level":50,"msg":"handler failed","err":{"message":"bad\\nstack"}}'),
      "handler failed: bad",
    );
    assert.equal(readableLine("plain words"), "plain words");
    assert.equal(readableLine('{"a":1}'), '{"a":1}');
    assert.equal(readableLine("  "), undefined);
  });
});
