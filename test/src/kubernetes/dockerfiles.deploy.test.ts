import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findTool, inRepository } from "../clients/tool.js";
import { outcome } from "./chart.js";

const lint = (file: string): ReturnType<typeof outcome> =>
  outcome(findTool("hadolint"), "--failure-threshold", "style", file);

describe("the Dockerfiles", () => {
  for (const service of ["coordinator", "worker"]) {
    const file = inRepository(`services/${service}/Dockerfile`);

    it(`of the ${service} passes hadolint`, async () => {
      const { code, text } = await lint(file);
      assert.equal(code, 0, text);
    });

    it(`of the ${service} makes images that run as nobody's root and hold no compiler`, () => {
      const [build = "", ...images] = readFileSync(file, "utf8")
        .split(/^FROM /m)
        .slice(1);
      assert.match(build, /npm ci .*--omit=dev/);
      const started = images.filter((stage) => stage.includes("ENTRYPOINT"));
      assert.ok(started.length > 0);
      for (const stage of started) {
        assert.match(stage, /^USER 1000:1000$/m); // as the chart's pods
        assert.doesNotMatch(stage, /npm (ci|install)/);
      }
    });
  }

  it("would not pass with a known mistake", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cogfleet-dockerfile-"));
    try {
      const file = join(folder, "Dockerfile");
      writeFileSync(file, "FROM debian\nRUN cd /tmp && apt-get install curl\n");
      assert.notEqual((await lint(file)).code, 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
