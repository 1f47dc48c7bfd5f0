import { type Clock, ClusterError, parseTraceparent } from "@cogfleet/core";
import { fitChoice, parseParallel, planSize, showParallel } from "@cogfleet/parallel";
import { downloadArtifact } from "./client/download-artifact.js";
import {
  type Artifact,
  type GenerationClient,
  isTerminal,
  type Job,
  type Submission,
} from "./client/generation.js";
import { type CoordinatorAddress, openClient } from "./client/open-client.js";
import { Patience } from "./client/patience.js";
import type { CommandContext, Terminal } from "./context.js";
import { DEFAULT_ENDPOINT } from "./endpoint.js";
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
  const generationOf = (model: ModelChoice, workers = Number.POSITIVE_INFINITY): Generation => {
    // As it was asked for: what is wrong with it must not be fitted away.
    if (model.facts !== undefined) checkRequest(model.facts, request.submission, context.random);
    const submission = {
      ...fitToFleet(request.submission, workers, reporter),
      model: model.name,
      traceparent,
    };
    return { request: { ...request, submission }, outputs, reporter };
  };

  const { target } = request;
  if (target.kind === "endpoint") {
    const generation = generationOf(await chooseModel(request.model, interrupt));
    return generateAt(target, generation, context, interrupt);
  }
  const model = await chooseFolder(request.model, interrupt);
  const generation = generationOf(model, target.shape.workers);
  return withLocalFleet(
    { shape: target.shape, modelFolder: model.folder },
    context,
    reporter,
    (endpoint, signal) => generateAt({ endpoint, tls: undefined }, generation, context, signal),
  );
}

/** No worker will join those of this one job: degrees that take more give way, as they do when workers are lost. */
export function fitToFleet(
  submission: Submission,
  workers: number,
  reporter: Pick<JobReporter, "notice">,
): Submission {
  const choice = parseParallel(submission.parallel ?? "auto") ?? {};
  const fitted = fitChoice(choice, workers);
  if (fitted === choice) return submission;
  const { cfg = 1, context = 1 } = choice;
  const parallel = showParallel({ cfg: 1, context: 1, ...fitted });
  const needed = planSize({ cfg, context });
  reporter.notice(
    `--parallel ${submission.parallel} takes ${needed} workers, --workers starts ${workers}: computing with ${parallel}`,
  );
  return { ...submission, parallel };
}

interface JobDeps {
  readonly client: GenerationClient;
  readonly clock: Clock;
  readonly reporter: JobReporter;
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

/** Submits, follows, downloads; or submits and leaves. When the signal aborts, a job that is followed is cancelled. */
export async function generate(
  client: GenerationClient,
  { request, outputs, reporter }: Generation,
  context: Pick<CommandContext, "terminal" | "clock">,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { terminal, clock } = context;
  const startedAt = clock.now();
  const submitted = await submit({ client, clock, reporter }, request.submission, signal);
  if (request.isDetached) {
    tellDetached(submitted, request, reporter, terminal);
    return 0;
  }
  reporter.submitted(submitted);
  let job = submitted;
  try {
    job = await followJob({ client, clock, reporter }, submitted.id, 0, signal);
    if (job.state === "completed") await saveOutputs({ client, clock, reporter }, job, outputs, signal);
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

/** What is on its way when the user stops may be a job by the time it is answered: it is waited for, and cancelled. */
async function submit(
  { client, clock, reporter }: JobDeps,
  submission: Submission,
  signal: AbortSignal,
): Promise<Job> {
  signal.throwIfAborted();
  const [answered, tooLate] = [new AbortController(), new AbortController()];
  const onAbort = (): void => {
    clock.sleep(CANCEL_TIMEOUT_MS, answered.signal).then(
      () => tooLate.abort(signal.reason),
      () => {}, // it was answered
    );
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const job = await client.submit(submission, tooLate.signal);
    if (signal.aborted) await cancel(client, job, reporter);
    signal.throwIfAborted();
    return job;
  } catch (reason) {
    if (tooLate.signal.aborted)
      reporter.notice(
        "the coordinator has not answered: see whether there is a job with: cogfleet jobs list",
      );
    signal.throwIfAborted();
    throw reason;
  } finally {
    answered.abort();
    signal.removeEventListener("abort", onAbort);
  }
}

/** The job's id for scripts, on stdout, and for people what to do with it. */
function tellDetached(
  job: Job,
  { isJson, target }: GenerateRequest,
  reporter: JobReporter,
  terminal: Terminal,
): void {
  if (isJson) {
    reporter.submitted(job);
    return;
  }
  const waits = job.waitReason === "" ? "" : `, ${job.waitReason}`;
  terminal.err(`job ${job.id} is ${job.state}${waits}`);
  const isThere = target.kind === "endpoint" && target.endpoint !== DEFAULT_ENDPOINT;
  const where = isThere ? ` --endpoint ${target.endpoint}` : "";
  terminal.err(`follow it with: cogfleet jobs watch ${job.id}${where}`);
  terminal.err(`fetch its video with: cogfleet jobs download ${job.id}${where}`);
  terminal.out(job.id);
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
    plan: job.plan,
    approximate: job.approximate,
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
  { client, clock, reporter }: JobDeps,
  job: Job,
  outputs: readonly ClaimedOutput[],
  signal: AbortSignal,
): Promise<void> {
  const onNotice = (text: string): void => reporter.notice(text);
  const patience = new Patience({ clock, onNotice }, `cogfleet jobs download ${job.id}`);
  for (const { kind, file } of outputs) {
    const artifact = job.artifacts.find((made) => made.kind === kind);
    if (artifact === undefined)
      throw new ClusterError("artifact_unavailable", `job ${job.id} completed without its ${kind}`);
    await file.write((write) =>
      downloadArtifact({ client, patience }, { jobId: job.id, artifact }, write, signal),
    );
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
