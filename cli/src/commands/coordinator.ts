import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet coordinator`: one coordinator in the foreground; its flags are the service's own. */
export function coordinatorCommand(context: CommandContext, run: Run): Command {
  return new Command("coordinator")
    .description("Run one coordinator in the foreground; coordinator --help lists its flags.")
    .usage("[flags]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument("[flags...]")
    .action((flags: string[]) =>
      run(async () => {
        const { serviceModule } = await import("../fleet/service-modules.js");
        await context.become(serviceModule("coordinator"), flags);
        return 0;
      }),
    );
}
