import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";

/** `cogfleet plan`: explains how a job would be spread over workers. */
export function planCommand(context: CommandContext, run: Run): Command {
  return new Command("plan")
    .description("Explain how a job would be spread over workers: seconds, bytes and what limits, by stage.")
    .option("--model <dir>", "checkpoint folder (default: the bundled one)")
    .option("--steps <n>", "denoising steps, 1 to 1000 (default: 50)")
    .option("--guidance-scale <x>", "classifier-free guidance (default: 6)")
    .option("--scheduler <name>", "ddim or dpm (default: the checkpoint's)")
    .option("--frames <n>", "frames of the video, 8k + 1 (default: the checkpoint's)")
    .option("--height <px>", "a multiple of 16 (default: the checkpoint's)")
    .option("--width <px>", "a multiple of 16 (default: the checkpoint's)")
    .option("--vae-tiling", "decode in overlapping tiles: less memory, another picture")
    .option("--parallel <plan>", 'degrees to use, such as "cfg=2,context=2" (default: auto)')
    .option("--workers <n>", "workers, all alike, 1 to 256 (default: 2)")
    .option(
      "--worker-rates <list>",
      "TFLOP/s of each worker, such as 100,100,50 (default: usual for the device)",
    )
    .option("--memory <GB>", "memory of each worker (default: enough)")
    .option("--bandwidth <Gb/s>", "between two workers, each way (default: 10)")
    .option("--latency <ms>", "between two workers (default: 0.2)")
    .option("--host-bandwidth <GB/s>", "between card and host, each way (default: 1.2)")
    .option("--device <name>", "cpu, cuda or webgpu (default: cpu)")
    .option("--precision <name>", "fp32, fp16 or bf16 (default: the device's)")
    .option("--json", "print JSON")
    .action((flags) =>
      run(async () => {
        const { readPlanFlags } = await import("../plan-flags.js");
        const request = readPlanFlags(flags); // before the slower imports
        const { runPlan } = await import("../plan.js");
        return runPlan(request, context);
      }),
    );
}
