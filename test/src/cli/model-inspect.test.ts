import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.js";

const DEMO = fileURLToPath(new URL("../../../models/demo", import.meta.url));

describe("model inspect", () => {
  it("counts what the card of models/demo counts, and says what it takes", async () => {
    const { code, out } = await runCommand("model", "inspect", DEMO, "--json");
    assert.equal(code, 0);
    const inspection = JSON.parse(out.join("\n"));
    assert.equal(inspection.variant, "1.0");
    const parameters = inspection.components.map((part: { name: string; parameters: number }) => [
      part.name,
      part.parameters,
    ]);
    assert.deepEqual(Object.fromEntries(parameters), {
      transformer: 1_835_680,
      vae: 2_033_059,
      text_encoder: 106_944,
    });
    assert.deepEqual(inspection.defaults, {
      scheduler: "ddim",
      height: 64,
      width: 64,
      num_frames: 17,
      fps: 8,
    });
    assert.ok(inspection.memory.peak_bytes.fp16 < inspection.memory.peak_bytes.fp32);
  });

  it("is a page for people", async () => {
    const { out } = await runCommand("model", "inspect", DEMO);
    const text = out.join("\n");
    assert.match(text, /^demo: CogVideoX 1\.0, 3,975,683 parameters$/m);
    assert.match(text, /^transformer +1,835,680 +float16 +3\.7 MB +7\.3 MB/m);
    assert.match(text, /^peak +[\d.]+ MB/m);
  });
});
