import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet workers`: who is connected. */
export function workersCommand(context: CommandContext, run: Run): Command {
  return new Command("workers")
    .description("Show the workers that are connected.")
    .option("--endpoint <host:port>", "the coordinator (default: COGFLEET_ENDPOINT or 127.0.0.1:7070)")
    .option("--json", "print JSON, one object a line")
    .action((flags) =>
      run(async () => {
        const { listWorkers } = await import("../fleet-tables.js");
        return listWorkers(flags, context);
      }),
    );
}
