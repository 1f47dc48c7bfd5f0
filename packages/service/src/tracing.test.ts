import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { tracingProblems } from "./tracing.js";

describe("tracing", () => {
  it("takes a URL with http or https, or none", () => {
    for (const otlpEndpoint of ["none", "http://collector:4318", "https://collector/base"])
      assert.deepEqual(tracingProblems({ otlpEndpoint }), []);
    for (const otlpEndpoint of ["collector:4318", "grpc://collector", "4318"])
      assert.deepEqual(tracingProblems({ otlpEndpoint }), [
        `--otlp-endpoint must be a URL with http or https, or none, got "${otlpEndpoint}"`,
      ]);
  });

  it("loads no library unless it is on", () => {
    assert.equal(librariesOf("none"), 0);
    assert.ok(librariesOf("http://127.0.0.1:4318") > 0);
  });
});

/** Files of OpenTelemetry's SDK that a process has loaded once tracing is open. */
function librariesOf(otlpEndpoint: string): number {
  const script = `
    import { createRequire } from "node:module";
    const { openTracing } = await import(${JSON.stringify(new URL("./index.js", import.meta.url).href)});
    await openTracing({ otlpEndpoint: "${otlpEndpoint}" }, { service: "x", instance: "x", version: "0" });
    const { cache } = createRequire(import.meta.url);
    console.log(Object.keys(cache).filter((file) => /opentelemetry.(sdk-trace|exporter)/.test(file)).length);`;
  const args = ["--input-type=module", "--eval", script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.match(stdout, /^\d+\n$/, stderr);
  return Number(stdout);
}
