import { ClusterError } from "@cogfleet/core";
import { Command, CommanderError } from "commander";
import { coordinatorCommand } from "./commands/coordinator.js";
import { generateCommand } from "./commands/generate.js";
import { jobsCommand } from "./commands/jobs.js";
import { modelCommand } from "./commands/model.js";
import { modelsCommand } from "./commands/models.js";
import { planCommand } from "./commands/plan.js";
import { upCommand } from "./commands/up.js";
import { verifyCommand } from "./commands/verify.js";
import { workerCommand } from "./commands/worker.js";
import { workersCommand } from "./commands/workers.js";
import type { CommandContext, Run } from "./context.js";
import type { ExitCode } from "./exit-code.js";

/** Parses the arguments and runs the command they name. Throws ClusterError. */
export async function runProgram(argv: readonly string[], context: CommandContext): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const run: Run = async (work) => {
    exitCode = await work();
  };
  const program = new Command("cogfleet")
    .description("Text-to-video with CogVideoX checkpoints, on one machine or a cluster.")
    .version("0.1.0")
    .enablePositionalOptions(); // so that `coordinator` and `worker` may pass their flags through
  adopt(program, context);
  for (const command of [
    generateCommand(context, run),
    upCommand(context, run),
    jobsCommand(context, run),
    workersCommand(context, run),
    modelsCommand(context, run),
    modelCommand(context, run),
    planCommand(context, run),
    verifyCommand(context, run),
    coordinatorCommand(context, run),
    workerCommand(context, run),
  ]) {
    adopt(command, context);
    program.addCommand(command);
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (reason) {
    if (!(reason instanceof CommanderError)) throw reason;
    if (reason.exitCode === 0) return 0; // --help and --version
    if (reason.code === "commander.help") {
      context.terminal.err("cogfleet: a command is missing; cogfleet --help lists them");
      return 2;
    }
    throw new ClusterError("invalid_request", reason.message.replace(/^error: /, ""), { cause: reason });
  }
  return exitCode;
}

/** Makes a command and those below it throw instead of exit, and write through the context. */
function adopt(command: Command, context: CommandContext): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => context.terminal.out(text.trimEnd()),
    writeErr: () => {}, // the error is thrown as well, and main prints it
  });
  for (const below of command.commands) adopt(below, context);
}
