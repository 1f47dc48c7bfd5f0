import { readdir } from "node:fs/promises";
import { ClusterError } from "@cogfleet/core";
import { readTransformerFolder } from "@cogfleet/model";
import * as z from "zod";
import type { CaseContext, CaseRunner } from "./case-runner.js";
import { compareTensor } from "./compare.js";
import { tolerance } from "./golden-case.js";
import { toleranceIn } from "./precision.js";
import { checkTextEncoder } from "./text-encoder-case.js";
import { forward, withTransformer } from "./transformer-case.js";

const schema = z.object({ config: z.object({ t5_case: z.string(), run: z.string() }), tolerance });
const componentSchema = z.object({ _class_name: z.string().optional(), model_type: z.string().optional() });

/** The same weights stored in other ways: every folder of the case that holds a component is loaded and run. */
export const weightsCase: CaseRunner = async (context, signal) => {
  const { golden, check } = context;
  const { config, tolerance: stored } = golden.parse(schema);
  const close = toleranceIn(context.precision, stored);
  const inputs = await golden.inputs("inputs.safetensors", signal);
  const expected = await golden.expected("expected.safetensors", signal);
  for (const [folder, kind] of await componentsIn(context)) {
    if (kind === "t5") {
      const t5 = await context.siblingCase(config.t5_case);
      await checkTextEncoder(context, t5, golden.path(folder), `${folder}.`, signal);
      continue;
    }
    const component = await readTransformerFolder(golden.path(folder), signal);
    await withTransformer(component, context, signal, async (transformer) => {
      const sample = await forward(transformer, component.config, inputs, config.run, signal);
      check(compareTensor(`${folder}.sample`, sample, expected.get(`${folder}.sample`), close));
    });
  }
};

async function componentsIn({
  golden,
}: CaseContext): Promise<readonly (readonly [string, "t5" | "transformer"])[]> {
  const entries = await readdir(golden.folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    folders.sort().map(async (folder) => {
      const json = await golden.readJson(`${folder}/config.json`, componentSchema);
      if (json.model_type === "t5") return [folder, "t5"] as const;
      if (json._class_name === "CogVideoXTransformer3DModel") return [folder, "transformer"] as const;
      throw new ClusterError(
        "unsupported",
        `${folder}/config.json is neither a T5 encoder's nor a transformer's`,
      );
    }),
  );
}
