import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { readGenerateFlags } from "../generate-flags.js";
import { addClientOptions } from "./client-options.js";

/** `cogfleet generate`: from a prompt to an MP4. */
export function generateCommand(context: CommandContext, run: Run): Command {
  const command = new Command("generate")
    .description("Generate a video from a prompt; prints the path of the MP4, or the job's id with --detach.")
    .option("--prompt <text>", "what the video shows (required)")
    .option("--negative-prompt <text>", "what it should not show")
    .option("--model <dir or name>", "checkpoint folder, or name of a model that workers offer")
    .option("--seed <n>", "seed of the noise, 0 to 2^53 - 1 (default: drawn)")
    .option("--steps <n>", "denoising steps, 1 to 1000 (default: 50)")
    .option("--guidance-scale <x>", "classifier-free guidance (default: 6)")
    .option("--dynamic-guidance", "guidance that grows over the steps")
    .option("--scheduler <name>", "ddim or dpm (default: the checkpoint's)")
    .option("--frames <n>", "frames of the video, 8k + 1 (default: the checkpoint's)")
    .option("--height <px>", "a multiple of 16 (default: the checkpoint's)")
    .option("--width <px>", "a multiple of 16 (default: the checkpoint's)")
    .option("--fps <n>", "frames a second, 1 to 120 (default: 8, CogVideoX 1.5: 16)")
    .option("--vae-tiling", "decode in overlapping tiles: less memory, another picture")
    .option("--allow-vae-tiling-fallback", "decode in tiles where memory does not suffice: another picture")
    .option("--parallel <plan>", 'how to spread the job over workers, such as "cfg=2" (default: auto)')
    .option("--priority <n>", "higher runs first, -100 to 100 (default: 0)")
    .option("--idempotency-key <key>", "submitting again with the same key and flags finds the same job")
    .option("--tenant <name>", "whose job it is; tenants share the workers fairly (default: default)")
    .option("--deadline <time>", "the job fails if it has not ended by then, such as 2026-12-01T10:00:00Z")
    .option("--max-run-seconds <x>", "the job fails when it has run for longer; waiting does not count")
    .option("--output <file>", "where the MP4 goes (default: video.mp4)")
    .option("--save-latents <file>", "also save the latents, as safetensors")
    .option("--save-frames <file>", "also save the frames, as safetensors")
    .option("--no-metadata", "leave prompt and seed out of the MP4's tags")
    .option("--local", "start a coordinator and workers on this machine for this one job")
    .option("--workers <n>", "with --local: worker processes (default: 1)")
    .option("--threads <n>", "with --local: threads of each worker (default: CPUs / workers)")
    .option("--device <name>", "with --local: cpu, cuda, cuda:1 or webgpu (default: cpu)")
    .option("--precision <name>", "with --local: fp32, fp16 or bf16 (default: the device's)")
    .option("--detach", "submit the job and leave; jobs watch and jobs download have the rest")
    .option("--json", "print events and the result as JSON, one object a line")
    .action((flags) =>
      run(async () => {
        const request = readGenerateFlags(flags, context.env); // before the slow imports
        const { runGenerate } = await import("../generate.js");
        return runGenerate(request, context);
      }),
    );
  return addClientOptions(command);
}
