import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet model inspect`: what a checkpoint's folder holds. */
export function modelCommand(context: CommandContext, run: Run): Command {
  const model = new Command("model").description("Look into checkpoints.");
  model
    .command("inspect <dir>")
    .description("Show variant, parameters, limits, and memory by stage and precision.")
    .option("--json", "print JSON")
    .action((dir: string, flags) =>
      run(async () => {
        const { inspectModel } = await import("../model-inspect.js");
        return inspectModel(dir, flags, context);
      }),
    );
  return model;
}
