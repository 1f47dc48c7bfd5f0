import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { addClientOptions } from "./client-options.js";

/** `cogfleet workers`: who is connected; `cogfleet workers drain`: sends one away. */
export function workersCommand(context: CommandContext, run: Run): Command {
  const load = (): Promise<typeof import("../fleet-tables.js")> => import("../fleet-tables.js");
  const workers = addClientOptions(
    new Command("workers")
      .description("Show the workers that are connected, or send one away.")
      .option("--json", "print JSON, one object a line"),
  ).action((flags) => run(async () => (await load()).listWorkers(flags, context)));
  const drain = new Command("drain")
    .argument("<worker-id>")
    .description("Let a worker finish its step, hand its job on, and leave.")
    .option("--json", "print JSON")
    .action((id: string, _flags, command: Command) =>
      run(async () => (await load()).drainWorker(id, command.optsWithGlobals(), context)),
    );
  return workers.addCommand(addClientOptions(drain));
}
