import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gone, isAlive, type RunningCommand, runCommand, startCommand } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-up-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

interface Up {
  readonly command: RunningCommand;
  readonly endpoint: string;
  readonly coordinator: number;
  readonly workers: readonly number[];
}

async function up(workers: number, data: string): Promise<Up> {
  const command = startCommand("up", "--workers", String(workers), "--port", "0", "--data", at(data));
  const [, endpoint = "", pid] = await command.line(/^coordinator (\S+) \(pid (\d+)\)/);
  const pids: number[] = [];
  for (let i = 1; i <= workers; i++) {
    const [, worker] = await command.line(new RegExp(`^worker ${i} with model demo \\(pid (\\d+)\\)`));
    pids.push(Number(worker));
  }
  return { command, endpoint, coordinator: Number(pid), workers: pids };
}

describe("up", { timeout: 60_000 }, () => {
  it("runs two jobs at once on two workers, and starts a worker again that died", async () => {
    const { command, endpoint, coordinator, workers } = await up(2, "a");
    const generate = (seed: string) =>
      runCommand(
        ...["generate", "--endpoint", endpoint, "--prompt", "a red circle moves right", "--seed", seed],
        ...["--steps", "40", "--output", at(`${seed}.mp4`), "--json"],
      );
    const outcomes = await Promise.all([generate("1"), generate("2")]);
    const results = outcomes.map(({ code, out, err }) => {
      assert.equal(code, 0, err.join("\n"));
      return out.map((line) => JSON.parse(line));
    });
    const usedWorkers = results.flatMap((events) => events.at(-1).worker_ids);
    assert.equal(new Set(usedWorkers).size, 2, `both on ${usedWorkers}`);
    assert.ok(readFileSync(at("1.mp4")).length > 1000);

    const list = await runCommand("jobs", "list", "--endpoint", endpoint);
    assert.equal(list.out.length, 3, list.out.join("\n"));
    assert.match(list.out[1] ?? "", /completed .*a red circle moves right/);
    const busy = await runCommand("workers", "--endpoint", endpoint);
    assert.equal(busy.out.length, 3, busy.out.join("\n"));
    assert.match(busy.out[1] ?? "", new RegExp(`idle +cpu +fp32 .*demo .*(${workers.join("|")})$`));
    const [model = "{}"] = (await runCommand("models", "--endpoint", endpoint, "--json")).out;
    const { name, ready_workers: ready, default_num_frames: frames } = JSON.parse(model);
    assert.deepEqual([name, ready, frames], ["demo", 2, 17]);

    const id = results[0]?.at(-1).job_id;
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

    process.kill(workers[1] as number, "SIGKILL");
    const [, pid] = await command.line(/^worker 2 is back \(pid (\d+)\)/);
    assert.ok(isAlive(Number(pid)));

    command.child.kill("SIGINT");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual([coordinator, ...workers, Number(pid)].filter(isAlive), []);
  });

  it("takes everything with it when it is killed", async () => {
    const { command, coordinator, workers } = await up(2, "b");
    command.child.kill("SIGKILL");
    await command.ended;
    await gone([coordinator, ...workers]);
  });

  it("cancels the job of a client that is stopped", async () => {
    const { command, endpoint } = await up(1, "c");
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
