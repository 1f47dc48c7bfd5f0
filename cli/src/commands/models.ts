import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { addClientOptions } from "./client-options.js";

/** `cogfleet models`: what workers have offered. */
export function modelsCommand(context: CommandContext, run: Run): Command {
  const command = new Command("models")
    .description("Show the models that workers have offered, with their limits.")
    .option("--json", "print JSON, one object a line")
    .action((flags) =>
      run(async () => {
        const { listModels } = await import("../fleet-tables.js");
        return listModels(flags, context);
      }),
    );
  return addClientOptions(command);
}
