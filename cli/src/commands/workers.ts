import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { addClientOptions } from "./client-options.js";

/** `cogfleet workers`: who is connected. */
export function workersCommand(context: CommandContext, run: Run): Command {
  const command = new Command("workers")
    .description("Show the workers that are connected.")
    .option("--json", "print JSON, one object a line")
    .action((flags) =>
      run(async () => {
        const { listWorkers } = await import("../fleet-tables.js");
        return listWorkers(flags, context);
      }),
    );
  return addClientOptions(command);
}
