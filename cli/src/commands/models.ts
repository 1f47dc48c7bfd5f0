import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet models`: what workers have offered. */
export function modelsCommand(context: CommandContext, run: Run): Command {
  return new Command("models")
    .description("Show the models that workers have offered, with their limits.")
    .option("--endpoint <host:port>", "the coordinator (default: COGFLEET_ENDPOINT or 127.0.0.1:7070)")
    .option("--json", "print JSON, one object a line")
    .action((flags) =>
      run(async () => {
        const { listModels } = await import("../fleet-tables.js");
        return listModels(flags, context);
      }),
    );
}
