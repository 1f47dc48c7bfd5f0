import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { checkWeights } from "./check-weights.js";
import { openCheckpoint } from "./folder.js";
import { readTensors, writeSafetensors } from "./safetensors-file.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));
const golden = (name: string): string => join(repository, "test/fixtures", name, "model");

describe("checkWeights", () => {
  it("finds every weight of the demo and the golden pipelines", async () => {
    const pipelines = ["pipeline-t2v", "pipeline-t2v-dpm", "pipeline-15", "pipeline-i2v", "pipeline-i2v-15"];
    for (const folder of [join(repository, "models/demo"), ...pipelines.map(golden)])
      checkWeights(await openCheckpoint(folder, neverAborts));
  });

  it("names what is missing, of another shape, or too many, in all components together", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cogfleet-check-weights-"));
    try {
      await cp(golden("pipeline-15"), folder, { recursive: true });
      const edit = async (file: string, change: (tensors: Map<string, unknown>) => void): Promise<void> => {
        const tensors = await readTensors(join(folder, file), neverAborts);
        change(tensors);
        await writeFile(join(folder, file), writeSafetensors(Object.fromEntries(tensors)));
      };
      await edit("transformer/diffusion_pytorch_model.safetensors", (tensors) => {
        tensors.delete("proj_out.bias");
      });
      await edit("vae/diffusion_pytorch_model.safetensors", (tensors) => {
        tensors.set("quant_conv.weight", tensors.get("encoder.conv_in.conv.weight"));
      });
      const config = join(folder, "text_encoder/config.json");
      await writeFile(config, (await readFile(config, "utf8")).replace('"d_ff": 40', '"d_ff": 41'));
      const checkpoint = await openCheckpoint(folder, neverAborts);
      assert.throws(
        () => checkWeights(checkpoint),
        (error: Error) => {
          assert.match(
            error.message,
            /text_encoder: tensor encoder\.block\.0\.\S+ in .* has shape .* the config asks for/,
          );
          assert.match(error.message, /transformer: tensor proj_out\.bias \[32\] is missing/);
          assert.match(
            error.message,
            /vae: 1 tensors that the config does not ask for, such as quant_conv\.weight/,
          );
          return true;
        },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
