import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { fleetApi, generationApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import { fakeModel } from "../coordinator/fake-worker.js";

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const COORDINATOR = at("services/coordinator/dist/main.js");
const WORKER = at("services/worker/dist/main.js");
const DEMO = at("models/demo");

/** One of several coordinators on NATS, as a process of its own. */
export interface Replica {
  readonly port: number;
  readonly httpPort: number;
  readonly client: GenerationClient;
  readonly pid: number;
  submit(request: SubmitRequest): Promise<Job__Output>;
  get(jobId: string): Promise<Job__Output>;
  /** All events from the first one until the job ends. */
  history(jobId: string): Promise<Event__Output[]>;
  /** A figure of its metrics; 0 when there is none. */
  figure(name: string): Promise<number>;
  /** What it logged. */
  lines(): readonly string[];
  /** Null while it runs. */
  exitCode(): number | null;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts one; up when this resolves. */
export async function replica(
  natsUrl: string,
  prefix: string,
  more: readonly string[] = [],
): Promise<Replica> {
  const flags = ["--store", "nats", "--nats-url", natsUrl, "--nats-prefix", prefix, "--port", "0"];
  const child = fork(COORDINATOR, [...flags, "--log-level", "info", ...more], { silent: true });
  const lines: string[] = [];
  child.stderr?.on("data", (data: Buffer) => lines.push(...data.toString().split("\n").filter(Boolean)));
  const [{ port, httpPort }] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) =>
      Promise.reject(new Error(`the coordinator ended with ${code}: ${lines.join("\n")}`)),
    ),
  ]);
  const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    port,
    httpPort,
    client,
    pid: child.pid ?? 0,
    submit: (request) => callUnary<Job__Output>((done) => client.submit(request, done), neverAborts),
    get: (jobId) => callUnary<Job__Output>((done) => client.get({ jobId }, done), neverAborts),
    async history(jobId) {
      const events: Event__Output[] = [];
      for await (const event of readStream(client.watch({ jobId }), AbortSignal.timeout(240_000)))
        events.push(event);
      return events;
    },
    async figure(name) {
      const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
      return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "m").exec(text)?.[1] ?? 0);
    },
    lines: () => lines,
    exitCode: () => child.exitCode,
    end: (signal) => {
      client.close();
      return end(child, signal);
    },
  };
}

/** A worker with the demo checkpoint, as a process of its own, that knows all of these coordinators. */
export async function worker(ports: readonly number[], more: readonly string[] = []): Promise<ChildProcess> {
  const coordinators = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const flags = ["--coordinator", coordinators, "--model", DEMO, "--threads", "1", "--log-level", "silent"];
  const child = fork(WORKER, [...flags, ...more], { silent: true });
  await once(child, "message");
  return child;
}

export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Waits until a question is answered with yes. Throws when it is not within three minutes. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(180_000);
  while (!(await ask())) {
    if (deadline.aborted) throw new Error(`waited for three minutes until ${what}`);
    await systemClock.sleep(50, neverAborts);
  }
}

/** Which of them leads. */
export async function leaderOf(replicas: readonly Replica[]): Promise<Replica> {
  let found: Replica | undefined;
  await until("a coordinator leads", async () => {
    for (const one of replicas) if ((await one.figure("cogfleet_leader")) === 1) found = one;
    return found !== undefined;
  });
  return found as Replica; // until() throws otherwise
}

/** How a replica answers a worker that comes: its refusal, or "welcome". */
export async function askForWork(port: number): Promise<{ readonly code: number; readonly leader: string }> {
  const client = new fleetApi.Fleet(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = client.connect();
  const refusal = new Promise<{ code: number; leader: string }>((resolve) => {
    call.on("error", (error: Error & { code: number; metadata: { get(key: string): unknown[] } }) =>
      resolve({ code: error.code, leader: String(error.metadata.get("cogfleet-leader")[0] ?? "") }),
    );
  });
  call.on("data", () => {});
  call.write({
    hello: { protocolVersion: PROTOCOL_VERSION, workerId: "asks", device: "cpu", models: [fakeModel()] },
  });
  try {
    return await refusal;
  } finally {
    client.close();
  }
}

/** Coordinators on one store, the first of which leads, and workers that know them all. */
export interface Service {
  readonly replicas: readonly Replica[];
  readonly workers: readonly ChildProcess[];
  end(): Promise<void>;
}

/** Starts a service; its last coordinator knows the model by then. */
export async function startService(
  natsUrl: string,
  prefix: string,
  { coordinators, workers: count }: { readonly coordinators: number; readonly workers: number },
): Promise<Service> {
  const replicas: Replica[] = [];
  const workers: ChildProcess[] = [];
  for (let i = 0; i < coordinators; i++) {
    replicas.push(await replica(natsUrl, prefix));
    if (i === 0) await leaderOf(replicas);
  }
  const ports = replicas.map(({ port }) => port);
  workers.push(...(await Promise.all(Array.from({ length: count }, () => worker(ports)))));
  const last = replicas.at(-1) as Replica;
  await until("every replica knows the model", async () => {
    const answer = await callUnary<{ models: object[] }>(
      (done) => last.client.listModels({}, done),
      neverAborts,
    );
    return answer.models.length > 0;
  });
  return {
    replicas,
    workers,
    async end() {
      for (const child of workers) await end(child);
      for (const one of replicas) await one.end("SIGKILL");
    },
  };
}
