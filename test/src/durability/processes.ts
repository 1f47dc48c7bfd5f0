import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { freePort } from "@cogfleet/core/testing";
import { generationApi } from "@cogfleet/proto";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { callUnary } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const COORDINATOR = at("services/coordinator/dist/main.js");
const WORKER = at("services/worker/dist/main.js");
const DEMO = at("models/demo");

/** A coordinator as a process of its own. */
export interface CoordinatorProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly client: GenerationClient;
  submit(request: SubmitRequest): Promise<Job__Output>;
  get(jobId: string): Promise<Job__Output>;
  /** As power does when it goes: SIGKILL, and nothing of it is left when this resolves. */
  kill(): Promise<void>;
}

/** Starts one on this folder, at a port that it can be started at again. Up when this resolves. */
export async function coordinatorProcess(data: string, given?: number): Promise<CoordinatorProcess> {
  const port = given ?? (await freePort());
  const flags = ["--data", data, "--port", String(port), "--log-level", "silent"];
  const child = fork(COORDINATOR, flags, { silent: true });
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the coordinator ended with ${code}`))),
  ]);
  const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure());
  const signal = neverAborts;
  return {
    child,
    port,
    client,
    submit: (request) => callUnary<Job__Output>((done) => client.submit(request, done), signal),
    get: (jobId) => callUnary<Job__Output>((done) => client.get({ jobId }, done), signal),
    kill: async () => {
      client.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** A worker with the demo checkpoint, as a process of its own. */
export async function workerProcess(port: number): Promise<ChildProcess> {
  const flags = ["--coordinator", `127.0.0.1:${port}`, "--model", DEMO, "--threads", "1"];
  const child = fork(WORKER, [...flags, "--log-level", "silent"], { silent: true });
  await once(child, "message");
  return child;
}

/** Resolves once somebody has offered a model, so that jobs are taken. */
export async function modelsOffered({ client }: CoordinatorProcess): Promise<void> {
  const deadline = AbortSignal.timeout(120_000);
  for (;;) {
    const { models } = await callUnary<{ models: object[] }>((done) => client.listModels({}, done), deadline);
    if (models.length > 0) return;
    await systemClock.sleep(10, deadline);
  }
}
