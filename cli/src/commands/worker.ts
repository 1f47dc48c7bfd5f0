import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet worker`: one worker in the foreground; its flags are the service's own. */
export function workerCommand(context: CommandContext, run: Run): Command {
  return new Command("worker")
    .description("Run one worker in the foreground; worker --help lists its flags.")
    .usage("[flags]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument("[flags...]")
    .action((flags: string[]) =>
      run(async () => {
        const { serviceModule } = await import("../fleet/service-modules.js");
        await context.become(serviceModule("worker"), flags);
        return 0;
      }),
    );
}
