import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { withCoordinator } from "./in-process.js";

const main = fileURLToPath(new URL("../../../services/coordinator/dist/main.js", import.meta.url));
const data = mkdtempSync(join(tmpdir(), "cogfleet-main-"));
after(() => rmSync(data, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...flags: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [main, "--data", data, "--log-level", "silent", ...flags]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

describe("the coordinator's process", () => {
  it("says where it listens, tells its parent, and ends cleanly on SIGTERM", async () => {
    const child = fork(main, ["--port", "0", "--data", data, "--log-level", "silent"], { silent: true });
    const [message] = await once(child, "message");
    assert.equal(message.kind, "listening");
    assert.equal(message.pid, child.pid);
    let stdout = "";
    child.stdout?.on("data", (text) => (stdout += text));
    const health = await fetch(`http://127.0.0.1:${message.httpPort}/readyz`);
    assert.equal(health.status, 200);
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    assert.equal(
      stdout,
      `coordinator: gRPC on 127.0.0.1:${message.port}, HTTP on http://127.0.0.1:${message.httpPort}, pid ${child.pid}\n`,
    );
  });

  it("ends when its parent is gone", async () => {
    const child = fork(main, ["--port", "0", "--data", data, "--log-level", "silent"], { silent: true });
    await once(child, "message");
    child.disconnect();
    const [code] = await once(child, "exit");
    assert.equal(code, 0);
  });

  it("refuses bad flags all at once, with exit code 2 and one line", async () => {
    const { code, stderr } = await run("--port", "x", "--max-queued", "0");
    assert.equal(code, 2);
    assert.equal(
      stderr,
      'coordinator: --port must be an integer from 0 to 65535, got "x"; --max-queued must be an integer from 1 to 1000000, got "0"\n',
    );
  });

  it("says that its port is taken in one line", () =>
    withCoordinator(async ({ port }) => {
      const { code, stderr } = await run("--port", String(port));
      assert.equal(code, 2);
      assert.equal(stderr, `coordinator: port ${port} on 127.0.0.1 is in use by another process\n`);
    }));

  it("imports no ONNX Runtime", async () => {
    const hooks = `export async function resolve(name, context, next) {
      if (name.includes("onnxruntime") || name === "@cogfleet/ort") throw new Error("imported " + name);
      return next(name, context);
    }`;
    const asModule = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(asModule(hooks))});`;
    const load = async (what: readonly string[]): Promise<string> => {
      const flags = ["--import", asModule(register), ...what];
      const child = spawn(process.execPath, flags, {
        cwd: fileURLToPath(new URL("../../", import.meta.url)),
      });
      let stderr = "";
      child.stderr.on("data", (text) => (stderr += text));
      const [code] = await once(child, "close");
      return `${code} ${/imported \S+/.exec(stderr)?.[0] ?? ""}`;
    };
    assert.equal(await load([main, "--help"]), "0 ");
    assert.equal(
      await load(["--input-type=module", "-e", 'import "@cogfleet/ort"']),
      "1 imported @cogfleet/ort",
    );
  });
});
