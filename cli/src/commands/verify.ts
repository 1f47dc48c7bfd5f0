import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet verify`: golden cases through the code that serves jobs. */
export function verifyCommand(context: CommandContext, run: Run): Command {
  return new Command("verify")
    .argument("<dir>", "folder with cases")
    .description("Compute every golden case under a folder and compare with what diffusers computed.")
    .option("--strict", "an unsupported case fails too")
    .option("--workers <n>", "spread transformer, denoise and VAE over so many ranks (default: 1)")
    .option("--threads <n>", "threads of one run (default: CPUs)")
    .option("--device <name>", "cpu, cuda, cuda:1 or webgpu, for transformer and VAE (default: cpu)")
    .option(
      "--precision <name>",
      "fp32, fp16 or bf16, likewise; in 16 bits norms are compared (default: fp32)",
    )
    .option("--json", "print JSON, one line a case and a summary")
    .action((dir: string, flags) =>
      run(async () => {
        const { runVerify } = await import("../verify.js");
        return runVerify(dir, flags, context);
      }),
    );
}
