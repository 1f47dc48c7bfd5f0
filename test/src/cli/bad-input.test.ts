import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type RunningCommand, runCommand, startCommand } from "./command.js";

const DEMO = fileURLToPath(new URL("../../../models/demo", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cogfleet-bad-"));
const at = (name: string): string => join(folder, name);

/** A copy of the demo checkpoint for a test to break. */
function checkpoint(name: string, spoil: (folder: string) => void): string {
  for (const part of ["model_index.json", "scheduler", "text_encoder", "tokenizer", "transformer", "vae"]) {
    cpSync(join(DEMO, part), join(at(name), part), { recursive: true });
  }
  spoil(at(name));
  return at(name);
}

const cutOff = checkpoint("cut-off", (model) => {
  const file = join(model, "transformer/diffusion_pytorch_model.safetensors");
  truncateSync(file, statSync(file).size - 1000);
});
const noWeights = checkpoint("no-weights", (model) =>
  rmSync(join(model, "vae/diffusion_pytorch_model.safetensors")),
);
const noIndex = checkpoint("no-index", (model) => rmSync(join(model, "model_index.json")));
const otherWeights = checkpoint("other-weights", (model) => {
  const name = "diffusion_pytorch_model.safetensors";
  cpSync(join(model, "vae", name), join(model, "transformer", name));
});
const notJson = checkpoint("not-json", (model) => writeFileSync(join(model, "transformer/config.json"), "{"));

const prompt = ["--prompt", "x"];
const local = ["generate", "--local", ...prompt, "--output", at("video.mp4")];

/** What is asked, and what the one who asks must read. */
const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["an unknown command", ["dance"], /unknown command 'dance'/],
  ["an unknown flag", ["generate", ...prompt, "--sed", "1"], /unknown option '--sed'/],
  ["no prompt", ["generate"], /--prompt is required/],
  ["a blank prompt", ["generate", "--prompt", " \t"], /--prompt must not be blank/],
  ["a seed that is too large", [...local, "--seed", "9007199254740992"], /--seed must be .*2\^53 - 1/],
  ["no steps", [...local, "--steps", "0"], /--steps must be a whole number from 1 to 1000, got "0"/],
  ["steps in words", [...local, "--steps", "many"], /--steps must be a whole number .*got "many"/],
  ["guidance below 0", [...local, "--guidance-scale", "-1"], /--guidance-scale must be a finite number/],
  [
    "guidance that is no number",
    [...local, "--guidance-scale", "nan"],
    /--guidance-scale must be a finite number/,
  ],
  [
    "an unknown scheduler",
    [...local, "--scheduler", "euler"],
    /--scheduler must be ddim or dpm, got "euler"/,
  ],
  ["16 frames", [...local, "--frames", "16"], /num_frames 16 must be 8k\+1 .*9 or 17/],
  ["a height of 100", [...local, "--height", "100"], /height 100 must be a multiple of 16 .*96 or 112/],
  ["a width of 0", [...local, "--width", "0"], /width 0 must be a multiple of 16/],
  ["a width beyond all", [...local, "--width", "99999999999"], /--width must be a whole number/],
  ["a height beyond the model's", [...local, "--height", "65536"], /height 65536 must be .*4096/],
  ["0 frames a second", [...local, "--fps", "0"], /--fps must be a whole number from 1 to 120/],
  ["priority 101", [...local, "--priority", "101"], /--priority must be a whole number from -100 to 100/],
  ["--local with --endpoint", [...local, "--endpoint", "a:1"], /--endpoint and --local exclude each other/],
  [
    "a --data folder that cannot be made",
    ["coordinator", "--port", "0", "--data", "/proc/nope"],
    /--data folder \/proc\/nope\/jobs cannot be used: /,
  ],
  ["--workers without --local", ["generate", ...prompt, "--workers", "2"], /--workers needs --local/],
  [
    "17 ranks",
    [...local, "--parallel", "context=17"],
    /^cogfleet: --parallel must be .*context 1 to 16.*got "context=17"/,
  ],
  [
    "two halves of no guidance",
    [...local, "--parallel", "cfg=2", "--guidance-scale", "1"],
    /^cogfleet: --parallel cfg=2 .* guidance_scale 1 computes only one: use cfg=1/,
  ],
  ["no workers", [...local, "--workers", "0"], /--workers must be a whole number from 1 to 256/],
  [
    "no time to run",
    ["generate", ...prompt, "--max-run-seconds", "0"],
    /--max-run-seconds must be .* above 0/,
  ],
  ["an unknown device", [...local, "--device", "tpu"], /--device must be/],
  ["a device that is not there", [...local, "--device", "cuda"], /cuda/i],
  ["a missing checkpoint", [...local, "--model", at("nowhere")], /--model: .*nowhere does not exist/],
  [
    "a missing checkpoint to plan for",
    ["plan", "--model", at("nowhere")],
    /--model: .*nowhere does not exist/,
  ],
  ["a file for a checkpoint", [...local, "--model", join(DEMO, "README.md")], /README\.md/],
  ["a checkpoint without its index", [...local, "--model", noIndex], /model_index\.json is missing/],
  ["a checkpoint without weights", [...local, "--model", noWeights], /no-weights\/vae/],
  ["cut-off weights", [...local, "--model", cutOff], /cut-off\/transformer\/.*\.safetensors/],
  ["weights of something else", [...local, "--model", otherWeights], /other-weights\/transformer.*tensor/],
  ["a config that is no JSON", [...local, "--model", notJson], /not-json\/transformer\/config\.json/],
  [
    "cut-off weights for a running coordinator",
    ["generate", ...prompt, "--model", cutOff],
    /cut-off\/transformer/,
  ],
  [
    "an output in a missing folder",
    ["generate", "--local", ...prompt, "--output", at("no/v.mp4")],
    /does not exist/,
  ],
  [
    "an output that is a folder",
    ["generate", "--local", ...prompt, "--output", folder],
    /--output .* is a folder/,
  ],
  ["one file for two outputs", [...local, "--save-latents", at("video.mp4")], /name the same file/],
  [
    "an endpoint where nobody is",
    ["generate", ...prompt, "--endpoint", "127.0.0.1:1"],
    /cannot reach .*127\.0\.0\.1:1/,
  ],
  [
    "an endpoint of no host",
    ["jobs", "list", "--endpoint", "no.such.host.invalid:1"],
    /cannot reach the coordinator/,
  ],
  ["an endpoint without a port", ["workers", "--endpoint", "localhost"], /--endpoint must be host:port/],
  ["up with a broken checkpoint", ["up", "--port", "0", "--model", cutOff], /cut-off\/transformer/],
  [
    "a worker with a broken checkpoint",
    ["worker", "--coordinator", "127.0.0.1:1", "--model", cutOff],
    /--model: .*cut-off\/transformer/,
  ],
  ["a worker with a wrong flag", ["worker", "--model", DEMO, "--bogus"], /unknown flag --bogus/],
  ["inspecting nothing", ["model", "inspect", at("nowhere")], /nowhere does not exist/],
  [
    "verifying where there is no card",
    ["verify", at("empty"), "--device", "cuda"],
    /no CUDA provider that works/,
  ],
  ["verifying nothing", ["verify", at("empty")], /no golden cases/],
];

describe("bad input is refused with exit code 2, in a few lines:", { concurrency: 3 }, () => {
  let coordinator: RunningCommand;
  let port = "";
  before(async () => {
    mkdirSync(at("empty"));
    coordinator = startCommand("coordinator", "--port", "0", "--data", at("data"));
    [, port = ""] = await coordinator.line(/gRPC on 127\.0\.0\.1:(\d+)/);
  });
  after(async () => {
    coordinator.child.kill("SIGTERM");
    await coordinator.ended;
    rmSync(folder, { recursive: true });
  });

  const refuses = async (args: readonly string[], words: RegExp): Promise<void> => {
    const { code, out, err } = await runCommand(...args);
    const text = err.join("\n");
    assert.equal(code, 2, text);
    assert.deepEqual(out, []);
    assert.match(text, words);
    assert.ok(err.length <= 6, text);
    assert.doesNotMatch(text, /^\s+at |node:internal|Error:/m);
  };

  for (const [what, args, words] of cases) it(what, { timeout: 120_000 }, () => refuses(args, words));

  it("an unknown job", async () => {
    const endpoint = ["--endpoint", `127.0.0.1:${port}`];
    for (const command of ["get", "watch", "cancel", "download"]) {
      await refuses(["jobs", command, "no-such-job", ...endpoint], /no-such-job/);
    }
  });

  it("a port in use", async () => {
    await refuses(["up", "--port", port, "--data", at("data-2")], new RegExp(`port ${port} .*is in use`));
    await refuses(
      ["coordinator", "--port", port, "--data", at("data-3")],
      new RegExp(`port ${port} .*is in use`),
    );
  });
});
