// Needs promtool: what both services serve at /metrics, after a real job, is what Prometheus asks for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunningCommand, runCommand, startCommand } from "../cli/command.js";
import { findTool, inRepository } from "./tool.js";

describe("/metrics", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-metrics-"));
  const running: RunningCommand[] = [];
  const pages = new Map<string, string>();

  const start = async (service: string, ...flags: string[]): Promise<RegExpExecArray> => {
    const command = startCommand(service, ...flags);
    running.push(command);
    const line = await command.line(/(?:gRPC on (\S+), )?HTTP on (\S+),/);
    pages.set(service, `${line[2]}/metrics`);
    return line;
  };

  before(async () => {
    const [, address] = await start("coordinator", "--port", "0", "--data", join(folder, "data"));
    assert.ok(address);
    await start("worker", "--coordinator", address, "--model", inRepository("models/demo"));
    const flags = ["--steps", "2", "--output", join(folder, "video.mp4"), "--endpoint", address];
    for (;;) {
      const { code, err } = await runCommand("generate", "--prompt", "a red circle", ...flags);
      if (code === 0) break;
      assert.match(err.join("\n"), /no worker has offered a model yet/);
    }
  });

  after(async () => {
    for (const command of running.toReversed()) {
      command.child.kill("SIGTERM");
      await command.ended;
    }
    rmSync(folder, { recursive: true });
  });

  for (const service of ["coordinator", "worker"])
    it(`of the ${service} is clean`, async () => {
      const response = await fetch(pages.get(service) ?? "");
      const page = await response.text();
      assert.match(page, /^cogfleet_build_info\{/m);
      const { status, stdout, stderr } = spawnSync(findTool("promtool"), ["check", "metrics"], {
        input: page,
        encoding: "utf8",
      });
      assert.equal(stdout + stderr, "");
      assert.equal(status, 0);
    });
});
