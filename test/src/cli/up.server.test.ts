import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { isAlive, runCommand, startCommand } from "./command.js";
import { up } from "./running-up.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-up-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

describe("up", { timeout: 540_000 }, () => {
  it("runs two jobs at once on two workers, and starts a worker again that died", async () => {
    const { command, endpoint, coordinator, workers } = await up(2, at("a"));
    const generate = (steps: number, output: string) =>
      startCommand(
        ...["generate", "--endpoint", endpoint, "--prompt", "a red circle moves right"],
        ...["--parallel", "cfg=1,context=1", "--steps", String(steps), "--output", at(output), "--json"],
      );
    // So long that it is still running when the other one has ended, however slowly that one's command starts.
    const long = generate(1000, "long.mp4");
    const [, longId = ""] = await long.line(/"job_id":"(\w+)"/);
    await long.line(/"step":1,/);
    const { code, out, err } = await generate(40, "1.mp4").ended;
    assert.equal(code, 0, err.join("\n"));
    const { job_id: id, worker_ids: used } = JSON.parse(out.at(-1) ?? "");
    const [shownLong = "{}"] = (await runCommand("jobs", "get", longId, "--endpoint", endpoint, "--json"))
      .out;
    const { state, worker_ids: usedByLong } = JSON.parse(shownLong);
    assert.equal(state, "running");
    assert.equal(new Set([...used, ...usedByLong]).size, 2, `both on ${used}`);
    assert.ok(readFileSync(at("1.mp4")).length > 1000);
    await runCommand("jobs", "cancel", longId, "--endpoint", endpoint);
    await long.ended;

    const list = await runCommand("jobs", "list", "--endpoint", endpoint);
    assert.equal(list.out.length, 3, list.out.join("\n"));
    assert.match(list.out[1] ?? "", /completed .*a red circle moves right/);
    const others = await runCommand("jobs", "list", "--tenant", "other", "--endpoint", endpoint);
    assert.equal(others.out.length, 1, others.out.join("\n"));
    const busy = await runCommand("workers", "--endpoint", endpoint);
    assert.equal(busy.out.length, 3, busy.out.join("\n"));
    assert.match(busy.out[1] ?? "", new RegExp(`idle +cpu +fp32 .*demo .*(${workers.join("|")})$`));
    const [model = "{}"] = (await runCommand("models", "--endpoint", endpoint, "--json")).out;
    const { name, ready_workers: ready, default_num_frames: frames } = JSON.parse(model);
    assert.deepEqual([name, ready, frames], ["demo", 2, 17]);

    const again = await runCommand(
      "jobs",
      "download",
      id,
      "--endpoint",
      endpoint,
      "--output",
      at("again.mp4"),
    );
    assert.deepEqual(again.out, [at("again.mp4")]);
    assert.deepEqual(readFileSync(at("again.mp4")), readFileSync(at("1.mp4")));
    const watched = await runCommand("jobs", "watch", id, "--endpoint", endpoint, "--json");
    assert.equal(watched.code, 0);
    assert.equal(
      watched.out.map((line) => JSON.parse(line)).filter(({ event }) => event === "step").length,
      40,
    );

    const detached = await runCommand(
      ...["generate", "--endpoint", endpoint, "--prompt", "x", "--parallel", "context=3", "--detach"],
    );
    const [waiting = ""] = detached.out;
    const reason = "waits for 3 workers of demo: 2 are connected";
    assert.equal(detached.err[0], `job ${waiting} is queued, ${reason}`);
    const shown = await runCommand("jobs", "get", waiting, "--endpoint", endpoint);
    assert.match(shown.out.join("\n"), new RegExp(`progress +0 ahead, ${reason}`));
    const cancelled = await runCommand("jobs", "cancel", waiting, "--endpoint", endpoint);
    assert.deepEqual(cancelled.out, [`job ${waiting} is cancelled`]);

    process.kill(workers[1] as number, "SIGKILL");
    const [, pid] = await command.line(/^worker 2 is back \(pid (\d+)\)/);
    assert.ok(isAlive(Number(pid)));

    command.child.kill("SIGINT");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual([coordinator, ...workers, Number(pid)].filter(isAlive), []);
  });
});
