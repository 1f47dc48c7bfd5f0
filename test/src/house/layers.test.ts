import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Which of these one-import files the linter refuses, as if each stood at its path. */
function refused(files: readonly (readonly [path: string, imported: string])[]): boolean[] {
  const house = mkdtempSync(join(tmpdir(), "cogfleet-layers-"));
  try {
    const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    writeFileSync(join(house, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
    const names = files.map(([path, imported], i) => {
      const name = path.replace("x.ts", `x${i}.ts`);
      mkdirSync(dirname(join(house, name)), { recursive: true });
      writeFileSync(
        join(house, name),
        `import { thing } from "${imported}";\n\nexport const used = thing;\n`,
      );
      return name;
    });
    const args = ["lint", "--only=style/noRestrictedImports", "--reporter=github", "--max-diagnostics=none"];
    const { stdout } = spawnSync(join(root, "node_modules/.bin/biome"), args, {
      cwd: house,
      encoding: "utf8",
    });
    return names.map((name) => stdout.includes(`/${name},`));
  } finally {
    rmSync(house, { recursive: true });
  }
}

const forbidden = [
  ["packages/core/src/x.ts", "@cogfleet/model"],
  ["packages/core/src/x.ts", "zod"],
  ["packages/model/src/x.ts", "@cogfleet/ort"],
  ["packages/model/src/x.ts", "onnxruntime-node"],
  ["packages/monitoring/src/x.ts", "@cogfleet/service"],
  ["packages/verify/src/x.ts", "@cogfleet/ort"],
  ["packages/ort/src/x.ts", "@cogfleet/proto"],
  ["packages/parallel/src/x.ts", "@cogfleet/exchange"],
  ["packages/parallel/src/x.ts", "@grpc/grpc-js"],
  ["packages/exchange/src/x.ts", "@cogfleet/model"],
  ["packages/exchange/src/x.ts", "@cogfleet/service"],
  ["packages/service/src/rpc/x.ts", "@cogfleet/model"],
  ["proto/src/x.ts", "@cogfleet/service"],
  ["services/coordinator/src/x.ts", "@cogfleet/worker"],
  ["services/coordinator/src/rpc/x.ts", "@cogfleet/ort"],
  ["services/coordinator/src/x.ts", "@grpc/grpc-js"],
  ["services/coordinator/src/x.ts", "@nats-io/kv"],
  ["services/worker/src/x.ts", "@cogfleet/coordinator"],
  ["services/worker/src/rpc/x.ts", "@cogfleet/coordinator"],
  ["services/worker/src/x.ts", "prom-client"],
  ["services/worker/src/x.ts", "@opentelemetry/api"],
] as const;

const allowed = [
  ["packages/model/src/x.ts", "@cogfleet/core"],
  ["packages/parallel/src/x.ts", "@cogfleet/model"],
  ["packages/exchange/src/x.ts", "@grpc/grpc-js"],
  ["services/coordinator/src/rpc/x.ts", "@grpc/grpc-js"],
  ["services/worker/src/x.ts", "@cogfleet/ort"],
] as const;

describe("the layers", () => {
  it("are lint errors when broken", () => {
    const verdicts = refused(forbidden);
    const passed = forbidden.filter((_, i) => !verdicts[i]);
    assert.deepEqual(passed, []);
  });

  it("let through what they allow", () => {
    const verdicts = refused(allowed);
    const stopped = allowed.filter((_, i) => verdicts[i]);
    assert.deepEqual(stopped, []);
  });
});
