import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { promisify } from "node:util";

const INDEX = JSON.stringify(new URL("./index.js", import.meta.url).href);

describe("ONNX Runtime", { timeout: 60_000 }, () => {
  for (const start of ["startThreadRuntime", "startProcessRuntime"])
    it(`keeps nothing on disk of who uses it, and how, under ${start}`, async (t) => {
      const home = mkdtempSync(join(tmpdir(), "cogfleet-home-"));
      t.after(() => rmSync(home, { recursive: true }));
      const script = `import { parseDevice, ${start} } from ${INDEX};
        const runtime = ${start}({ device: parseDevice("cpu"), precision: "fp32", threads: 1, spin: false });
        await runtime.ready(AbortSignal.timeout(50_000));
        await runtime.close();`;
      const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...rest } = process.env;
      const env = { ...rest, HOME: home, TMPDIR: home };
      writeFileSync(join(home, "script.mjs"), script);
      await promisify(execFile)(process.execPath, [join(home, "script.mjs")], { env });
      assert.deepEqual(readdirSync(home), ["script.mjs"]);
    });
});
