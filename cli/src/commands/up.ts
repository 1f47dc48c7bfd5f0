import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { readUpFlags } from "../up-flags.js";

/** `cogfleet up`: a coordinator and workers on this machine. */
export function upCommand(context: CommandContext, run: Run): Command {
  return new Command("up")
    .description("Start a coordinator and workers on this machine; Ctrl-C stops them.")
    .option("--workers <n>", "worker processes (default: 1)")
    .option("--model <dir>", "checkpoint folder (default: the bundled models/demo)")
    .option("--port <n>", "of the coordinator, 0 for a free one (default: 7070)")
    .option("--data <dir>", "folder of jobs and artifacts (default: .cogfleet)")
    .option("--threads <n>", "threads of each worker (default: CPUs / workers)")
    .option("--device <name>", "cpu, cuda, cuda:1 or webgpu (default: cpu)")
    .option("--precision <name>", "fp32, fp16 or bf16 (default: the device's)")
    .action((flags) =>
      run(async () => {
        const request = readUpFlags(flags); // before the slow imports
        const { runUp } = await import("../up.js");
        return runUp(request, context);
      }),
    );
}
