import { ClusterError, parseTraceparent } from "@cogfleet/core";
import { downloadArtifact } from "./client/download-artifact.js";
import { type Artifact, type GenerationClient, isTerminal, type Job } from "./client/generation.js";
import { type CoordinatorAddress, openClient } from "./client/open-client.js";
import type { CommandContext } from "./context.js";
import { type ExitCode, exitCodeOfJob } from "./exit-code.js";
import { withLocalFleet } from "./fleet/one-job-fleet.js";
import { followJob } from "./follow-job.js";
import type { GenerateRequest, RequestedOutput } from "./generate-flags.js";
import { checkRequest, chooseFolder, chooseModel, type ModelChoice } from "./model-choice.js";
import { claimOutputFile, type OutputFile } from "./output-file.js";
import { duration } from "./view/job-progress.js";
import { humanReporter, type JobReporter, jsonReporter } from "./view/job-reporter.js";

const CANCEL_TIMEOUT_MS = 5_000;

/** An output that was asked for, and the file that was claimed for it. */
interface ClaimedOutput extends RequestedOutput {
  readonly file: OutputFile;
}

/** Runs `cogfleet generate`: what can be refused is refused before a process is started or a job submitted. */
export async function runGenerate(request: GenerateRequest, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock, interrupt } = context;
  const outputs = await claimOutputs(request.outputs, context);
  const reporter = request.isJson ? jsonReporter(terminal, clock) : humanReporter(terminal, clock);
  const { TRACEPARENT: given = "" } = context.env;
  const traceparent = parseTraceparent(given) === undefined ? undefined : given;
  const generationOf = (model: ModelChoice): Generation => {
    if (model.facts !== undefined) checkRequest(model.facts, request.submission, context.random);
    return {
      request: { ...request, submission: { ...request.submission, model: model.name, traceparent } },
      outputs,
      reporter,
    };
  };

  const { target } = request;
  if (target.kind === "endpoint") {
    const generation = generationOf(await chooseModel(request.model, interrupt));
    return generateAt(target, generation, context, interrupt);
  }
  const model = await chooseFolder(request.model, interrupt);
  const generation = generationOf(model);
  return withLocalFleet(
    { shape: target.shape, modelFolder: model.folder },
    context,
    reporter,
    (endpoint, signal) => generateAt({ endpoint, tls: undefined }, generation, context, signal),
  );
}

interface Generation {
  readonly request: GenerateRequest;
  readonly outputs: readonly ClaimedOutput[];
  readonly reporter: JobReporter;
}

async function generateAt(
  address: CoordinatorAddress,
  generation: Generation,
  context: CommandContext,
  signal: AbortSignal,
): Promise<ExitCode> {
  const client = await openClient(address, context.clock);
  try {
    return await generate(client, generation, context, signal);
  } finally {
    client.close();
  }
}

/** Submits, follows, downloads. When the signal aborts, the job is cancelled. */
export async function generate(
  client: GenerationClient,
  { request, outputs, reporter }: Generation,
  context: Pick<CommandContext, "terminal" | "clock">,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const startedAt = clock.now();
  const submitted = await client.submit(request.submission, signal);
  reporter.submitted(submitted);
  let job = submitted;
  try {
    job = await followJob({ client, clock, reporter }, submitted.id, 0, signal);
    if (job.state === "completed") await saveOutputs(client, job, outputs, signal);
  } catch (reason) {
    if (signal.aborted && !isTerminal(job.state)) await cancel(client, job, reporter);
    throw reason;
  }
  const seconds = (clock.now() - startedAt) / 1000;
  if (request.isJson) {
    const timeS = Math.round(clock.now() * 1e3) / 1e6;
    terminal.out(JSON.stringify({ event: "result", time_s: timeS, ...resultJson(job, outputs), seconds }));
  }
  if (job.state !== "completed") {
    const why = job.error === undefined ? "" : `: ${job.error.message}`;
    terminal.err(`cogfleet: job ${job.id} ${job.state === "failed" ? "failed" : "was cancelled"}${why}`);
    return exitCodeOfJob(job.error);
  }
  if (!request.isJson) {
    terminal.err(`done in ${duration(seconds)}, seed ${job.request["seed"]}`);
    for (const { file } of outputs.slice(1)) terminal.err(file.path);
    terminal.out(outputs[0]?.file.path ?? "");
  }
  return 0;
}

/** What `--json` says of a job that has ended: the video's own path, bytes and sha256, and where the rest went. */
function resultJson(job: Job, outputs: readonly ClaimedOutput[]): object {
  const isDone = job.state === "completed";
  const video = job.artifacts.find(({ kind }) => kind === "video");
  const pathOf = (wanted: Artifact["kind"]): string | undefined =>
    isDone ? outputs.find(({ kind }) => kind === wanted)?.file.path : undefined;
  return {
    state: job.state,
    job_id: job.id,
    output: pathOf("video"),
    latents: pathOf("latents"),
    frames: pathOf("frames"),
    bytes: isDone ? video?.bytes : undefined,
    sha256: isDone ? video?.sha256 : undefined,
    seed: job.request["seed"],
    request: job.request,
    warnings: job.warnings,
    worker_ids: job.workerIds,
    attempts: job.attempts,
    error: job.error,
  };
}

async function claimOutputs(
  requested: readonly RequestedOutput[],
  context: CommandContext,
): Promise<ClaimedOutput[]> {
  const claimed: ClaimedOutput[] = [];
  for (const output of requested) {
    const file = await claimOutputFile(output.flag, output.path, context.random);
    const twin = claimed.find((other) => other.file.path === file.path);
    if (twin !== undefined && !file.isDevice)
      throw new ClusterError(
        "invalid_request",
        `--${twin.flag} and --${output.flag} name the same file, ${file.path}`,
      );
    claimed.push({ ...output, file });
  }
  return claimed;
}

async function saveOutputs(
  client: GenerationClient,
  job: Job,
  outputs: readonly ClaimedOutput[],
  signal: AbortSignal,
): Promise<void> {
  for (const { kind, file } of outputs) {
    const artifact = job.artifacts.find((made) => made.kind === kind);
    if (artifact === undefined)
      throw new ClusterError("artifact_unavailable", `job ${job.id} completed without its ${kind}`);
    await file.write((write) => downloadArtifact(client, { jobId: job.id, artifact }, write, signal));
  }
}

// The command is ending: it neither waits for the job's end nor fails because nobody answers any more.
async function cancel(client: GenerationClient, job: Job, reporter: JobReporter): Promise<void> {
  try {
    await client.cancel(job.id, AbortSignal.timeout(CANCEL_TIMEOUT_MS));
    reporter.notice(`cancelled job ${job.id}`);
  } catch {
    reporter.notice(`could not cancel job ${job.id}: see later with: cogfleet jobs cancel ${job.id}`);
  }
}
