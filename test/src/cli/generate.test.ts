import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { floatsOf, readTensors, type StoredTensor } from "@cogfleet/model";
import { gone, runCommand, startCommand } from "./command.js";

const GOLDEN = fileURLToPath(
  new URL("../../../test/fixtures/pipeline-demo/expected.safetensors", import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), "cogfleet-cli-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

async function tensor(file: string, name: string): Promise<StoredTensor> {
  const found = (await readTensors(file, neverAborts, (candidate) => candidate === name)).get(name);
  assert.ok(found, `${name} is in ${file}`);
  return found;
}

function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    largest = Math.max(largest, Math.abs((actual[i] as number) - (expected[i] as number)));
  }
  return largest;
}

describe("generate --local", () => {
  it("gives diffusers' latents and frames, events as they come, and the video that it says it gives", async () => {
    const { code, out, err } = await runCommand(
      ...["generate", "--local", "--json", "--prompt", "a red circle moves right on a black background"],
      ...["--seed", "42", "--steps", "20", "--guidance-scale", "5", "--output", at("video.mp4")],
      ...["--save-latents", at("latents.safetensors"), "--save-frames", at("frames.safetensors")],
    );
    assert.equal(code, 0, err.join("\n"));
    assert.deepEqual(err, []);

    const latents = await tensor(at("latents.safetensors"), "latents");
    const goldenLatents = await tensor(GOLDEN, "red_circle_right.latents_step19");
    assert.deepEqual([latents.dtype, latents.shape], ["F32", [5, 8, 8, 8]]);
    const off = largestDifference(floatsOf(latents), floatsOf(goldenLatents));
    assert.ok(off <= 3e-4, `latents are off by ${off}`);
    const frames = await tensor(at("frames.safetensors"), "frames");
    const goldenFrames = await tensor(GOLDEN, "red_circle_right.frames_uint8");
    assert.deepEqual([frames.dtype, frames.shape], ["U8", [17, 64, 64, 3]]);
    assert.ok(frames.data instanceof Uint8Array && goldenFrames.data instanceof Uint8Array);
    assert.ok(largestDifference(frames.data, goldenFrames.data) <= 1);

    const events = out.map((line) => JSON.parse(line));
    const steps = events.filter(({ event }) => event === "step");
    assert.deepEqual(
      steps.map(({ step, steps: of, stage }) => [step, of, stage]),
      [...Array.from({ length: 20 }, (_, i) => [i + 1, 20, "denoise"])],
    );
    const times = events.map(({ time_s }) => time_s);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    assert.deepEqual(
      events.filter(({ event }) => event === "stage").map(({ stage }) => stage),
      ["encode", "denoise", "decode"],
    );
    const result = events.at(-1);
    const video = readFileSync(at("video.mp4"));
    assert.equal(video.subarray(4, 8).toString("latin1"), "ftyp");
    assert.equal(result.event, "result");
    assert.deepEqual(
      [result.state, result.output, result.seed, result.bytes, result.sha256],
      ["completed", at("video.mp4"), 42, video.length, createHash("sha256").update(video).digest("hex")],
    );
    const [fleet] = events;
    assert.equal(fleet.event, "fleet");
    await gone([fleet.coordinator_pid, ...fleet.worker_pids]);
  });

  it("prints the path alone on stdout, fits degrees to its workers, and leaves no process behind", async () => {
    const { code, out, err } = await runCommand(
      ...["generate", "--local", "--workers", "2", "--prompt", "a blue square falls", "--steps", "2"],
      ...["--output", at("people.mp4"), "--no-metadata", "--parallel", "cfg=2,context=2"],
    );
    assert.equal(code, 0, err.join("\n"));
    assert.deepEqual(out, [at("people.mp4")]);
    const text = err.join("\n");
    assert.match(
      text,
      /^--parallel cfg=2,context=2 takes 4 workers, --workers starts 2: .* cfg=2,context=1$/m,
    );
    assert.match(
      text,
      /step 2\/2 on \S+ \(rows 0-\d+, half 0\), \S+ \(rows 0-\d+, half 1\), [\d.]+ s a step/,
    );
    assert.match(text, /^decode: latents to video on \S+/m);
    assert.match(text, /done in [\d.]+ s, seed \d+/);
    const pids = [...text.matchAll(/pid ([\d, ]+)\)/g)].flatMap(([, list]) =>
      (list ?? "").split(", ").map(Number),
    );
    assert.equal(pids.length, 3, text);
    await gone(pids);
  });

  it("stops in order when nobody reads its events any more: no video, no process, no folder", async () => {
    const { TMPDIR } = process.env;
    const temporary = at("temporary");
    mkdirSync(temporary);
    process.env["TMPDIR"] = temporary;
    const command = startCommand(
      ...["generate", "--local", "--json", "--prompt", "x", "--steps", "1000", "--output", at("none.mp4")],
    );
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    const [fleet = ""] = await command.line(/^.*"event":"fleet".*$/);
    await command.line(/"event":"step"/);
    command.child.stdout?.destroy();
    const { code, err } = await command.ended;
    assert.deepEqual([code, err], [141, ["cogfleet: nobody reads stdout any more"]]);
    const { coordinator_pid: coordinator, worker_pids: workers } = JSON.parse(fleet);
    await gone([coordinator, ...workers]);
    assert.deepEqual(readdirSync(temporary), []);
    assert.ok(!existsSync(at("none.mp4")));
  });

  it("makes the video when nobody reads its progress", async () => {
    const command = startCommand(
      ...["generate", "--local", "--prompt", "x", "--steps", "2", "--output", at("unwatched.mp4")],
    );
    await command.line(/^coordinator /);
    command.child.stderr?.destroy();
    const { code, out } = await command.ended;
    assert.deepEqual([code, out], [0, [at("unwatched.mp4")]]);
    assert.ok(existsSync(at("unwatched.mp4")));
  });
});
