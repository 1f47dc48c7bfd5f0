import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gone, runCommand, startCommand } from "./command.js";
import { up } from "./running-up.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-up-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

describe("up", { timeout: 540_000 }, () => {
  it("takes everything with it when it is killed", async () => {
    const { command, coordinator, workers } = await up(2, at("b"));
    command.child.kill("SIGKILL");
    await command.ended;
    await gone([coordinator, ...workers]);
  });

  it("cancels the job of a client that is stopped", async () => {
    const { command, endpoint } = await up(1, at("c"));
    const client = startCommand(
      ...["generate", "--endpoint", endpoint, "--prompt", "x", "--steps", "1000", "--output", at("x.mp4")],
    );
    const [, id = ""] = await client.line(/^job (\S+)/);
    await client.line(/^step /);
    client.child.kill("SIGINT");
    const { code, err } = await client.ended;
    assert.equal(code, 130, err.join("\n"));
    const watched = await runCommand("jobs", "watch", id, "--endpoint", endpoint);
    assert.equal(watched.code, 1);
    assert.match(watched.err.join("\n"), /cancelled/);
    command.child.kill("SIGTERM");
    await command.ended;
  });
});
