import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../../services/worker/dist/main.js", import.meta.url));
const demo = fileURLToPath(new URL("../../../models/demo", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "cogfleet-worker-main-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
}

/** A worker that is expected to end by itself. */
async function run(...flags: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...flags], { timeout: 120_000 });
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += text));
  const [code] = await once(child, "close");
  return { code, lines: stderr.trimEnd().split("\n") };
}

/** A copy of the demo checkpoint with something wrong with it. */
function broken(name: string, harm: (folder: string) => void): string {
  const copy = join(folder, name);
  cpSync(demo, copy, { recursive: true, filter: (source) => !/\/(training|reference)$/.test(source) });
  harm(copy);
  return copy;
}

// Nobody listens there: a worker that got as far as dialling would go on for ever.
const NOWHERE = ["--coordinator", "127.0.0.1:9"];

describe("the worker's process", { timeout: 540_000 }, () => {
  const weights = "transformer/diffusion_pytorch_model.safetensors";
  const cases: readonly [string, () => readonly string[], RegExp][] = [
    [
      "wrong flags, all of them",
      () => ["--threads", "x", "--wat"],
      /--threads must be .*--wat|--wat.*--threads/,
    ],
    ["a missing checkpoint", () => ["--model", join(folder, "none")], /none/],
    [
      "cut-off weights",
      () => ["--model", broken("cut", (copy) => truncateSync(join(copy, weights), 100_000))],
      /transformer.*safetensors/,
    ],
    [
      "a config that the weights do not fit",
      () => [
        "--model",
        broken("unfit", (copy) =>
          writeFileSync(
            join(copy, "vae/config.json"),
            '{"_class_name":"AutoencoderKLCogVideoX","block_out_channels":[8,8,8,8],"norm_num_groups":4}',
          ),
        ),
      ],
      /vae/,
    ],
    ["a device that is not there", () => ["--model", demo, "--device", "cuda"], /no CUDA provider/],
  ];
  for (const [what, flagsOf, words] of cases)
    it(`refuses ${what} before it connects, with exit code 2 and few lines`, async () => {
      const { code, lines } = await run(...flagsOf(), ...NOWHERE);
      assert.equal(code, 2, lines.join("\n"));
      assert.ok(lines.length <= 6, lines.join("\n"));
      assert.match(lines.join(" "), words);
      assert.match(lines[0] ?? "", /^worker: /);
      assert.doesNotMatch(lines.join("\n"), /^\s+at /m);
    });

  it("is up without a coordinator, says where its probes are, and ends cleanly on SIGTERM", async () => {
    const child = fork(main, ["--model", demo, ...NOWHERE], { silent: true });
    let stderr = "";
    child.stderr?.on("data", (text) => (stderr += text));
    const [message] = await once(child, "message");
    assert.deepEqual([message.kind, message.pid], ["listening", child.pid]);
    const url = `http://127.0.0.1:${message.httpPort}`;
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /not connected to the coordinator/);
    assert.match(await (await fetch(`${url}/metrics`)).text(), /cogfleet_session_load_seconds/);
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    assert.equal(stderr.split("trying on").length, 2, stderr); // one warning
  });

  it("ends by itself when its parent is gone", async () => {
    const child = fork(main, ["--model", demo, ...NOWHERE], { silent: true });
    await once(child, "message");
    child.disconnect();
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });
});
