import { ClusterError } from "@cogfleet/core";
import { downloadArtifact } from "./client/download-artifact.js";
import type { Job } from "./client/generation.js";
import { Patience } from "./client/patience.js";
import type { CommandContext } from "./context.js";
import { type ExitCode, exitCodeOfJob } from "./exit-code.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { followJob } from "./follow-job.js";
import { claimOutputFile } from "./output-file.js";
import { humanReporter, jsonReporter } from "./view/job-reporter.js";
import { jobDetails, jobJson, jobsTable } from "./view/job-view.js";
import { withClient } from "./with-client.js";

const STATES = ["queued", "running", "completed", "failed", "cancelled"] as const;

/** `cogfleet jobs list`. */
export function listJobs(raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  const state = flags.oneOf("state", STATES);
  const tenant = flags.text("tenant");
  const limit = flags.integer("limit", { min: 1, max: 100_000 }) ?? 20;
  return withClient(flags, context, async (client, signal) => {
    const jobs = await client.list({ states: state === undefined ? [] : [state], tenant, limit }, signal);
    const lines = flags.isSet("json")
      ? jobs.map((job) => JSON.stringify(jobJson(job)))
      : jobsTable(jobs, context.clock.wallTime());
    for (const line of lines) context.terminal.out(line);
    return 0;
  });
}

/** `cogfleet jobs get`. */
export function getJob(id: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  return withClient(flags, context, async (client, signal) => {
    showJob(await client.get(id, signal), flags, context);
    return 0;
  });
}

/** `cogfleet jobs cancel`. */
export function cancelJob(id: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  return withClient(flags, context, async (client, signal) => {
    const job = await client.cancel(id, signal);
    if (flags.isSet("json")) context.terminal.out(JSON.stringify(jobJson(job)));
    else
      context.terminal.out(
        job.state === "running" ? `job ${id} stops after this step` : `job ${id} is ${job.state}`,
      );
    return 0;
  });
}

/** `cogfleet jobs watch`: exit code 1 when the job failed or was cancelled. */
export function watchOneJob(id: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock } = context;
  const flags = new FlagReader(raw);
  const isJson = flags.isSet("json");
  const after = flags.integer("after-sequence", { min: 0 }) ?? 0;
  return withClient(flags, context, async (client, signal) => {
    const reporter = isJson ? jsonReporter(terminal, clock) : humanReporter(terminal, clock);
    const job = await followJob({ client, clock, reporter }, id, after, signal);
    if (isJson) {
      const timeS = Math.round(clock.now() * 1e3) / 1e6;
      terminal.out(JSON.stringify({ event: "result", time_s: timeS, job_id: job.id, ...jobJson(job) }));
    } else if (job.state === "completed") terminal.out(`job ${id} completed`);
    if (job.state === "completed") return 0;
    terminal.err(
      `cogfleet: job ${id} ${job.state}${job.error === undefined ? "" : `: ${job.error.message}`}`,
    );
    return exitCodeOfJob(job.error);
  });
}

/** `cogfleet jobs download`: prints the path. */
export function downloadJob(id: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  const kind = flags.oneOf("kind", ["video", "latents", "frames"]) ?? "video";
  const path = flags.text("output");
  return withClient(flags, context, async (client, signal) => {
    const job = await client.get(id, signal);
    const artifact = job.artifacts.find((made) => made.kind === kind);
    if (artifact === undefined)
      throw new ClusterError("artifact_unavailable", `job ${job.id} is ${job.state} and has no ${kind}`);
    // The id comes from the coordinator: it must not decide where on this disk we write.
    const name = `${job.id.replace(/[^\w-]/g, "_")}${kind === "video" ? ".mp4" : `.${kind}.safetensors`}`;
    const file = await claimOutputFile("output", path ?? name, context.random);
    const { terminal, clock } = context;
    const patience = new Patience({ clock, onNotice: terminal.err }, `cogfleet jobs download ${id}`);
    await file.write((write) =>
      downloadArtifact({ client, patience }, { jobId: job.id, artifact }, write, signal),
    );
    const { bytes, sha256 } = artifact;
    if (flags.isSet("json"))
      context.terminal.out(JSON.stringify({ job_id: job.id, kind, output: file.path, bytes, sha256 }));
    else context.terminal.out(file.path);
    return 0;
  });
}

function showJob(job: Job, flags: FlagReader, context: CommandContext): void {
  const lines = flags.isSet("json") ? [JSON.stringify(jobJson(job))] : jobDetails(job);
  for (const line of lines) context.terminal.out(line);
}
