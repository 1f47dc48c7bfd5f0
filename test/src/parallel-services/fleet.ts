// A coordinator and workers, each a process of its own, and what tests ask of them.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { floatsOf, readTensors } from "@cogfleet/model";
import { generationApi } from "@cogfleet/proto";
import type { ArtifactKind } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactKind";
import type { DownloadChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const DEADLINE_MS = 240_000;

export const DEMO = at("models/demo");
/** A checkpoint of the golden fixtures. */
export function fixture(name: string): string {
  return at(`test/fixtures/${name}/model`);
}

/** What a job made, as numbers. */
export interface Made {
  readonly latents: Float32Array;
  readonly frames: Uint8Array;
}

/** Processes that end with the test. */
export class ProcessFleet {
  readonly client: GenerationClient;
  readonly #t: TestContext;
  /** host:port of the coordinator. */
  readonly endpoint: string;
  readonly #folder: string;
  readonly #workers = new Map<string, ChildProcess>();

  private constructor(t: TestContext, port: number, folder: string) {
    this.#t = t;
    this.endpoint = `127.0.0.1:${port}`;
    this.#folder = folder;
    this.client = new generationApi.Generation(this.endpoint, credentials.createInsecure());
    t.after(() => this.client.close());
  }

  /** @param flags more of them, for the coordinator */
  static async start(t: TestContext, flags: readonly string[] = []): Promise<ProcessFleet> {
    const folder = mkdtempSync(join(tmpdir(), "cogfleet-fleet-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const child = run(t, "coordinator", ["--port", "0", "--data", join(folder, "data"), ...flags]);
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    return new ProcessFleet(t, port, folder);
  }

  /** Starts workers, and waits until they can be given jobs. */
  async workers(ids: readonly string[], model: string, more: readonly string[] = []): Promise<void> {
    for (const id of ids) {
      const flags = ["--coordinator", this.endpoint, "--model", model, "--id", id];
      const child = run(this.#t, "worker", [...flags, "--threads", "1", "--local-workers", "4", ...more]);
      this.#workers.set(id, child);
    }
    const isThere = ({ id, state }: { id: string; state: string }): boolean =>
      ids.includes(id) && state === "WORKER_STATE_IDLE";
    for (;;) {
      const { workers } = await callUnary<{ workers: { id: string; state: string }[] }>(
        (done) => this.client.listWorkers({}, done),
        AbortSignal.timeout(DEADLINE_MS),
      );
      if (workers.filter(isThere).length === ids.length) return;
      await systemClock.sleep(20, neverAborts);
    }
  }

  signal(workerId: string, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#workers.get(workerId)?.kill(signal);
  }

  submit(request: SubmitRequest): Promise<Job__Output> {
    const extraArtifacts: ArtifactKind[] = ["ARTIFACT_KIND_LATENTS", "ARTIFACT_KIND_FRAMES"];
    const body = { prompt: "a red circle moves right", seed: "7", extraArtifacts, ...request };
    return callUnary<Job__Output>((done) => this.client.submit(body, done), neverAborts);
  }

  get(jobId: string): Promise<Job__Output> {
    return callUnary<Job__Output>((done) => this.client.get({ jobId }, done), neverAborts);
  }

  /** The job's events, as they come, with the moment each one came. */
  async *watch(jobId: string): AsyncGenerator<Event__Output & { readonly cameAt: number }> {
    const call = this.client.watch({ jobId });
    for await (const event of readStream<Event__Output>(call, AbortSignal.timeout(DEADLINE_MS)))
      yield { ...event, cameAt: performance.now() };
  }

  /** The job once it has ended; throws unless it has completed. */
  async completed(jobId: string): Promise<Job__Output> {
    for await (const _ of this.watch(jobId));
    const job = await this.get(jobId);
    if (job.state !== "JOB_STATE_COMPLETED") throw new Error(`job ${job.state}: ${job.error?.message}`);
    return job;
  }

  async made(jobId: string): Promise<Made> {
    const latents = await this.#tensor(jobId, "ARTIFACT_KIND_LATENTS", "latents");
    const { data } = await this.#tensor(jobId, "ARTIFACT_KIND_FRAMES", "frames");
    return { latents: floatsOf(latents), frames: data as Uint8Array };
  }

  async #tensor(jobId: string, kind: ArtifactKind, name: string) {
    const pieces: Buffer[] = [];
    const call = this.client.download({ jobId, kind });
    for await (const { data } of readStream<DownloadChunk__Output>(call, AbortSignal.timeout(DEADLINE_MS)))
      pieces.push(data);
    const file = join(this.#folder, `${jobId}-${name}.safetensors`);
    writeFileSync(file, Buffer.concat(pieces));
    const tensor = (await readTensors(file, neverAborts)).get(name);
    if (tensor === undefined) throw new Error(`there is no ${name}`);
    return tensor;
  }
}

function run(t: TestContext, service: "coordinator" | "worker", flags: readonly string[]): ChildProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("COGFLEET_")),
  );
  const level = process.env["COGFLEET_TEST_LOG"] ?? "silent";
  const child = fork(at(`services/${service}/dist/main.js`), [...flags, "--log-level", level], {
    env,
    stdio: ["ignore", "ignore", level === "silent" ? "ignore" : "inherit", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** When the coordinator wrote an event down, in milliseconds of this machine's wall clock: the way to us is not in it. */
export function saidAt({ time }: Event__Output): number {
  return Number(time?.seconds) * 1000 + Number(time?.nanos) / 1e6;
}

/** How far two videos are apart: latents relative in L2, frames in levels. */
export function distance(actual: Made, expected: Made): { readonly relL2: number; readonly levels: number } {
  let [difference, length, levels] = [0, 0, 0];
  for (const [i, value] of expected.latents.entries()) {
    difference += ((actual.latents[i] ?? Number.NaN) - value) ** 2;
    length += value ** 2;
  }
  for (const [i, value] of expected.frames.entries())
    levels = Math.max(levels, Math.abs((actual.frames[i] ?? Number.NaN) - value));
  return { relL2: Math.sqrt(difference / length), levels };
}
