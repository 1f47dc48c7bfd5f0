import { Command } from "commander";
import type { CommandContext, Run } from "../context.js";
import { addClientOptions } from "./client-options.js";

const JSON_FLAG = ["--json", "print JSON"] as const;

/** `cogfleet jobs ...`: what the coordinator knows of its jobs. */
export function jobsCommand(context: CommandContext, run: Run): Command {
  const load = (): Promise<typeof import("../jobs.js")> => import("../jobs.js");
  const jobs = new Command("jobs").description("List, follow, cancel and fetch jobs.");
  jobs
    .command("list")
    .description("Show the newest jobs.")
    .option("--state <state>", "queued, running, completed, failed or cancelled (default: all)")
    .option("--tenant <name>", "those of one tenant (default: all)")
    .option("--limit <n>", "at most this many (default: 20)")
    .option(...JSON_FLAG)
    .action((flags) => run(async () => (await load()).listJobs(flags, context)));
  jobs
    .command("get <job-id>")
    .description("Show one job.")
    .option(...JSON_FLAG)
    .action((id: string, flags) => run(async () => (await load()).getJob(id, flags, context)));
  jobs
    .command("watch <job-id>")
    .description("Follow a job until it ends; exit code 1 when it fails.")
    .option("--after-sequence <n>", "leave out events up to this one (default: 0)")
    .option(...JSON_FLAG)
    .action((id: string, flags) => run(async () => (await load()).watchOneJob(id, flags, context)));
  jobs
    .command("cancel <job-id>")
    .description("Stop a job: a queued one at once, a running one within a step.")
    .option(...JSON_FLAG)
    .action((id: string, flags) => run(async () => (await load()).cancelJob(id, flags, context)));
  jobs
    .command("download <job-id>")
    .description("Fetch what a completed job made.")
    .option("--kind <kind>", "video, latents or frames (default: video)")
    .option("--output <file>", "where it goes (default: <job-id>.mp4 or .safetensors)")
    .option(...JSON_FLAG)
    .action((id: string, flags) => run(async () => (await load()).downloadJob(id, flags, context)));
  for (const command of jobs.commands) addClientOptions(command);
  return jobs;
}
