// A coordinator and workers as processes that tests do harm to, and what became of their jobs.
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { freePort } from "@cogfleet/core/testing";
import { generationApi } from "@cogfleet/proto";
import type { DownloadChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import type { Worker__Output } from "@cogfleet/proto/gen/cogfleet/v1/Worker";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const PATIENCE_MS = 240_000;
const POLL_MS = 20;

/**
 * Steps of the demo checkpoint, of which the video is the same each time that the plan is; so many that the job is far
 * from its end when harm is done at an early one, on a machine that is busy, too.
 */
export const REQUEST: SubmitRequest = {
  prompt: "a red circle moves right",
  seed: "7",
  numInferenceSteps: 40,
  guidanceScale: 3,
};

export interface WorkerOptions {
  /** Where it finds the coordinator. Default: where it is. */
  readonly coordinator?: string;
  readonly flags?: readonly string[];
  readonly preload?: string;
}

export class FaultFleet {
  readonly data: string;
  readonly #t: TestContext;
  readonly #coordinatorFlags: readonly string[];
  readonly #workers = new Map<string, ChildProcess>();
  #coordinator: ChildProcess | undefined;
  #client: GenerationClient | undefined;
  readonly #port: number;
  #httpPort = 0;

  readonly #preload: string | undefined;

  private constructor(
    t: TestContext,
    data: string,
    port: number,
    flags: readonly string[],
    preload: string | undefined,
  ) {
    this.#t = t;
    this.#port = port;
    this.data = data;
    this.#coordinatorFlags = flags;
    this.#preload = preload;
  }

  /** A coordinator with a folder of its own. */
  static async start(
    t: TestContext,
    flags: readonly string[] = [],
    { data, preload }: { readonly data?: string; readonly preload?: string } = {},
  ): Promise<FaultFleet> {
    const folder = data ?? mkdtempSync(join(tmpdir(), "cogfleet-faults-"));
    if (data === undefined) t.after(() => rmSync(folder, { recursive: true, force: true }));
    const fleet = new FaultFleet(t, folder, await freePort(), flags, preload);
    t.after(() => {
      fleet.#client?.close();
      fleet.#coordinator?.kill("SIGKILL");
    });
    await fleet.startCoordinator();
    return fleet;
  }

  get port(): number {
    return this.#port;
  }

  get client(): GenerationClient {
    if (this.#client === undefined) throw new Error("the coordinator was not started");
    return this.#client;
  }

  get coordinatorPid(): number {
    return this.#coordinator?.pid ?? 0;
  }

  /** Starts it, again on the port that it had. */
  async startCoordinator(): Promise<void> {
    const flags = ["--port", String(this.#port), "--http-port", "0", "--data", this.data];
    const child = run("coordinator", [...flags, ...this.#coordinatorFlags], this.#preload);
    this.#coordinator = child;
    const [up] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the coordinator ended with ${code}`))),
    ]);
    this.#httpPort = up.httpPort;
    this.#client?.close();
    this.#client = new generationApi.Generation(`127.0.0.1:${this.#port}`, credentials.createInsecure());
  }

  async killCoordinator(): Promise<void> {
    const child = this.#coordinator;
    if (child === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Starts a worker with the demo checkpoint; it can be given jobs when this resolves. */
  async worker(id: string, options: WorkerOptions = {}): Promise<void> {
    const { coordinator = `127.0.0.1:${this.#port}`, flags = [], preload } = options;
    const own = ["--coordinator", coordinator, "--model", at("models/demo"), "--id", id, "--threads", "1"];
    const child = run("worker", [...own, ...flags], preload);
    this.#workers.set(id, child);
    this.#t.after(() => child.kill("SIGKILL"));
    await this.until(async () => (await this.workers()).some((worker) => worker.id === id));
  }

  async workers(): Promise<readonly Worker__Output[]> {
    const { workers } = await callUnary<{ workers: Worker__Output[] }>(
      (done) => this.client.listWorkers({}, done),
      AbortSignal.timeout(PATIENCE_MS),
    );
    return workers;
  }

  signal(workerId: string, signal: NodeJS.Signals): void {
    this.#workers.get(workerId)?.kill(signal);
  }

  /** The exit code of a worker that has ended, or will; or the signal that ended it. */
  async exitOf(workerId: string): Promise<number | NodeJS.Signals | null> {
    const child = this.#workers.get(workerId);
    if (child !== undefined && child.exitCode === null && child.signalCode === null)
      await once(child, "exit");
    return child?.exitCode ?? child?.signalCode ?? null;
  }

  submit(request: SubmitRequest = {}): Promise<Job__Output> {
    return callUnary<Job__Output>(
      (done) => this.client.submit({ ...REQUEST, ...request }, done),
      neverAborts,
    );
  }

  get(jobId: string): Promise<Job__Output> {
    return callUnary<Job__Output>((done) => this.client.get({ jobId }, done), neverAborts);
  }

  cancel(jobId: string): Promise<Job__Output> {
    return callUnary<Job__Output>((done) => this.client.cancel({ jobId }, done), neverAborts);
  }

  /** The job's events as they come; ends after the terminal one. */
  watch(jobId: string): AsyncGenerator<Event__Output, void, undefined> {
    return readStream<Event__Output>(this.client.watch({ jobId }), AbortSignal.timeout(PATIENCE_MS));
  }

  /** The first event that is so, now or later. */
  async event(jobId: string, isWanted: (event: Event__Output) => boolean): Promise<Event__Output> {
    for await (const event of this.watch(jobId)) if (isWanted(event)) return event;
    throw new Error(`job ${jobId} ended before what was waited for`);
  }

  /** All events of a job, once it has ended. */
  async history(jobId: string): Promise<Event__Output[]> {
    const events: Event__Output[] = [];
    for await (const event of this.watch(jobId)) events.push(event);
    return events;
  }

  /** sha256 of a completed job's video, as it is downloaded. */
  async video(jobId: string): Promise<string> {
    const hash = createHash("sha256");
    const call = this.client.download({ jobId });
    for await (const { data } of readStream<DownloadChunk__Output>(call, AbortSignal.timeout(PATIENCE_MS)))
      hash.update(data);
    return hash.digest("hex");
  }

  /** The video of the request, undisturbed. */
  async undisturbed(request: SubmitRequest = {}): Promise<string> {
    const { id } = await this.submit(request);
    await this.history(id);
    return this.video(id);
  }

  /** The sum of a metric of the coordinator over its labels, or those with this one; 0 when there is none. */
  async figure(name: string, label = ""): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#httpPort}/metrics`)).text();
    const values = text
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .filter((line) => line.includes(label))
      .map((line) => Number(line.slice(line.lastIndexOf(" "))));
    return values.reduce((sum, value) => sum + value, 0);
  }

  async until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!(await isSo())) await systemClock.sleep(POLL_MS, deadline);
  }
}

/** Steps in the order in which they were reported done. */
export function stepsOf(events: readonly Event__Output[]): number[] {
  return events
    .filter(({ stage, seconds }) => stage === "STAGE_DENOISE" && seconds > 0)
    .map(({ step }) => step);
}

/** 1 to n: no step that was reported is computed again, and none is left out. */
export function each(steps: number): number[] {
  return Array.from({ length: steps }, (_, i) => i + 1);
}

function run(service: "coordinator" | "worker", flags: readonly string[], preload?: string): ChildProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("COGFLEET_")),
  );
  const level = process.env["COGFLEET_TEST_LOG"] ?? "silent";
  return fork(at(`services/${service}/dist/main.js`), [...flags, "--log-level", level], {
    env,
    execArgv: preload === undefined ? [] : ["--import", preload],
    stdio: ["ignore", "ignore", level === "silent" ? "ignore" : "inherit", "ipc"],
  });
}
