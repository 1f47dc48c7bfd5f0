import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { type RunningCommand, startCommand } from "../cli/command.js";
import { DEMO } from "./fleet.js";

function start(t: TestContext, ...args: string[]): RunningCommand {
  const command = startCommand(...args);
  t.after(async () => {
    command.child.kill("SIGTERM");
    await command.ended;
  });
  return command;
}

it("measures the link between two idle workers by what carries their tensors", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "cogfleet-links-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const coordinator = start(t, "coordinator", "--port", "0", "--data", data);
  const [, endpoint = ""] = await coordinator.line(/gRPC on (\S+?),/);
  for (const id of ["w1", "w2"])
    start(t, "worker", "--coordinator", endpoint, "--model", DEMO, "--id", id, "--local-workers", "2");

  const [line] = await coordinator.line(/.*"link measured".*/);
  const fields: unknown = JSON.parse(line);
  assert.ok(typeof fields === "object" && fields !== null);
  assert.ok("bytesPerSecond" in fields && Number(fields.bytesPerSecond) > 1e6, line);
  assert.ok("latencySeconds" in fields && Number(fields.latencySeconds) > 0, line);
  t.diagnostic(line);
});
