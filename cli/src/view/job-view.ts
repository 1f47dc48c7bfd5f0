import type { Job, JobPlan } from "../client/generation.js";
import { chunksText, duration, tilesText } from "./job-progress.js";
import { clipped, table } from "./table.js";

const PROMPT_WIDTH = 48;

/** A line for each job. `nowMs` is wall time. */
export function jobsTable(jobs: readonly Job[], nowMs: number): string[] {
  if (jobs.length === 0) return ["no jobs"];
  return table(
    ["ID", "STATE", "PROGRESS", "AGE", "MODEL", "PROMPT"],
    jobs.map((job) => [
      job.id,
      job.state,
      progressOf(job),
      job.createTime === undefined ? "-" : duration(Math.max(0, (nowMs - Date.parse(job.createTime)) / 1000)),
      String(job.request["model"] ?? "-"),
      clipped(String(job.request["prompt"] ?? ""), PROMPT_WIDTH),
    ]),
  );
}

/** One job in full, a fact a line. */
export function jobDetails(job: Job): string[] {
  const facts: [string, string | undefined][] = [
    ["id", job.id],
    ["state", job.state],
    ["progress", progressOf(job)],
    ["created", job.createTime],
    ["started", job.startTime],
    ["finished", job.finishTime],
    ["workers", job.workerIds.join(", ")],
    ["plan", job.plan === undefined ? undefined : planText(job.plan, job.workerIds)],
    ["checkpoint", job.checkpointStep === 0 ? undefined : `step ${job.checkpointStep}`],
    ["attempts", String(job.attempts)],
    ["approximate", job.approximate ? "decoded in tiles, for want of memory" : undefined],
    ["ran for", job.runSeconds === 0 ? undefined : duration(job.runSeconds)],
    ["error", job.error === undefined ? undefined : `${job.error.message} (${job.error.code})`],
    ...job.warnings.map((warning): [string, string] => ["warning", warning]),
    ...job.artifacts.map((made): [string, string] => [
      made.kind,
      `${made.bytes} bytes, ${made.mediaType}, sha256 ${made.sha256}`,
    ]),
    ...Object.entries(job.request).map(([name, value]): [string, string] => [name, String(value)]),
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** One job for machines, by the protos' names. */
export function jobJson(job: Job): object {
  return {
    id: job.id,
    state: job.state,
    request: job.request,
    create_time: job.createTime,
    start_time: job.startTime,
    finish_time: job.finishTime,
    progress: { stage: job.stage, step: job.step, steps: job.steps },
    error: job.error,
    artifacts: job.artifacts.map(({ kind, bytes, sha256, mediaType }) => ({
      ...{ kind, bytes, sha256 },
      media_type: mediaType,
    })),
    warnings: job.warnings,
    worker_ids: job.workerIds,
    plan: job.plan,
    checkpoint_step: job.checkpointStep,
    attempts: job.attempts,
    run_seconds: job.runSeconds,
    approximate: job.approximate,
    queue_position: job.queuePosition,
    wait_reason: job.waitReason,
  };
}

function planText(plan: JobPlan, workerIds: readonly string[]): string {
  const { cfg, context, rates, vae, chunks, tiles, activations } = plan;
  const speeds = rates.map((rate) => Number(rate.toPrecision(3))).join(" : ");
  const shares = chunks?.map(chunksText) ?? tiles?.map(tilesText) ?? [];
  const decoders = shares.map((share, rank) => `${workerIds[rank]} ${share}`).join("; ");
  const label = activations === undefined ? "" : `, approximate: activations exchanged as ${activations}`;
  return `cfg=${cfg}, context=${context}, speeds ${speeds}, VAE ${vae}${decoders === "" ? "" : `: ${decoders}`}${label}`;
}

function progressOf(job: Job): string {
  if (job.state === "queued")
    return `${job.queuePosition} ahead${job.waitReason === "" ? "" : `, ${job.waitReason}`}`;
  if (job.state !== "running" || job.stage === undefined) return "-";
  return job.stage === "denoise" ? `step ${job.step}/${job.steps}` : job.stage;
}
