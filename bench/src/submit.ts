import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NatsServer, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { type Clock, neverAborts } from "@cogfleet/core";
import { fleetApi, generationApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { CoordinatorMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { WorkerMessage } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { callUnary } from "@cogfleet/service";
import { credentials, status } from "@grpc/grpc-js";
import { type BenchResult, spread } from "./report.js";

const COORDINATOR = fileURLToPath(new URL("../../services/coordinator/dist/main.js", import.meta.url));
const CLIENTS = 32;
// At both ends of the filling: flat means that the last are as quick as the first.
const WINDOW = 5_000;
const PACED = 2_000;
const PACED_PER_SECOND = 250;
const FEWEST_JOBS = 2 * (WINDOW + PACED);

/** One coordinator's process, what it is asked over gRPC, and a model that it knows. */
interface Subject {
  readonly child: ChildProcess;
  readonly client: GenerationClient;
  readonly port: number;
  stop(): Promise<void>;
}

/** Where a coordinator keeps its jobs, in a folder of the bench's own. */
interface Store {
  readonly name: "embedded" | "nats";
  readonly flags: readonly string[];
  close(): Promise<void>;
}

const STORES: Readonly<Record<string, (folder: string) => Promise<Store>>> = {
  embedded: async (folder) => ({ name: "embedded", flags: ["--data", folder], close: async () => {} }),
  nats: async (folder) => {
    const nats = await NatsServer.start({ program: natsProgram(), folder: join(folder, "nats"), sync: true });
    return { name: "nats", flags: ["--store", "nats", "--nats-url", nats.url], close: () => nats.kill() };
  },
};

/**
 * Measures one store after the other.
 * @param names of those to measure
 * @param jobs that wait in the end
 */
export async function submitBench(
  names: readonly string[],
  jobs: number,
  clock: Clock,
): Promise<BenchResult[]> {
  if (!Number.isInteger(jobs) || jobs < FEWEST_JOBS)
    throw new Error(`--jobs must be a whole number of at least ${FEWEST_JOBS}`);
  const openers = names.map((name) => {
    const open = STORES[name];
    if (open !== undefined) return open;
    throw new Error(`--stores must name ${Object.keys(STORES).join(" or ")}, got "${name}"`);
  });
  if (names.includes("nats")) natsProgram(); // what is missing shows before minutes have passed
  const results: BenchResult[] = [];
  for (const open of openers) {
    const folder = mkdtempSync(join(tmpdir(), "cogfleet-submit-"));
    const store = await open(folder);
    try {
      results.push(...(await measureStore(store, folder, jobs, clock)));
    } finally {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return results;
}

/**
 * Durable submissions over gRPC to a coordinator of its own until so many jobs wait: as many as 32 clients can send, and
 * 250 a second for how long each takes. Then how soon a worker that is free has its next job, and how long the
 * coordinator takes to come back with them all.
 */
async function measureStore(
  store: Store,
  folder: string,
  jobs: number,
  clock: Clock,
): Promise<BenchResult[]> {
  let subject = await start(store);
  try {
    await offerModel(subject.port);
    const windows: Window[] = [];
    const measure = async (): Promise<void> => {
      const submitsPerSecond = await submitMany(subject.client, WINDOW, clock);
      const latencies = await submitPaced(subject.client, clock);
      const syncP99Ms = await bareSync(join(folder, "bare"), clock);
      const residentMb = anonymousMegabytes(subject.child);
      windows.push({ submitsPerSecond, ...latencies, syncP99Ms, residentMb });
    };
    await measure();
    await submitMany(subject.client, jobs - FEWEST_JOBS, clock);
    await measure();
    const nextJobMs = await timesToNextJob(subject.port, clock);
    await subject.stop();

    const startedAt = clock.now();
    subject = await start(store);
    const startAgainSeconds = (clock.now() - startedAt) / 1000;
    const residentMb = anonymousMegabytes(subject.child);
    const [first, last] = windows as [Window, Window];
    return report(store.name, jobs, first, last, { nextJobMs, startAgainSeconds, residentMb });
  } finally {
    await subject.stop();
  }
}

interface Window {
  /** With as many at once as the clients can send. */
  readonly submitsPerSecond: number;
  /** At 250 a second. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a bare write with its sync, right after: what the disk and the machine's load leave no submission without. */
  readonly syncP99Ms: number;
  readonly residentMb: number;
}

function report(
  store: Store["name"],
  jobs: number,
  first: Window,
  last: Window,
  rest: { nextJobMs: readonly number[]; startAgainSeconds: number; residentMb: number },
): BenchResult[] {
  const { nextJobMs, startAgainSeconds, residentMb } = rest;
  const labels = { store };
  const then = `with_${jobs}_waiting`;
  const waiting = `${jobs.toLocaleString("en")} waiting`;
  return [
    {
      bench: "submit",
      labels,
      ...spread([first.submitsPerSecond / 200, last.submitsPerSecond / 200]),
      goal: 1,
      better: "higher",
      what: `durable submissions a second over gRPC, ${CLIENTS} clients at once / 200`,
      figures: {
        submits_per_second_with_none_waiting: first.submitsPerSecond,
        [`submits_per_second_${then}`]: last.submitsPerSecond,
      },
    },
    {
      bench: "submit-p99",
      labels,
      ...spread([first.p99Ms / 50, last.p99Ms / 50]),
      goal: 1,
      better: "lower",
      what: `99th percentile of a durable submission at ${PACED_PER_SECOND} a second / 50 ms`,
      figures: {
        p50_ms_with_none_waiting: first.p50Ms,
        p99_ms_with_none_waiting: first.p99Ms,
        bare_sync_p99_ms_then: first.syncP99Ms,
        [`p50_ms_${then}`]: last.p50Ms,
        [`p99_ms_${then}`]: last.p99Ms,
        bare_sync_p99_ms_at_last: last.syncP99Ms,
      },
    },
    {
      bench: "submit-flat",
      labels,
      ...spread([first.submitsPerSecond / last.submitsPerSecond]),
      goal: 1.5,
      better: "lower",
      what: `time of a submission with ${waiting} / with none`,
      figures: {
        anonymous_mb_with_7000_waiting: first.residentMb,
        [`anonymous_mb_${then}`]: last.residentMb,
        anonymous_mb_when_started_again: residentMb,
        start_again_seconds: startAgainSeconds,
      },
    },
    {
      bench: "submit-schedule",
      labels,
      ...spread(nextJobMs.map((ms) => ms / 5)),
      goal: 1,
      better: "lower",
      what: `from a worker's report that ends a job to its next one, both written down, ${waiting} / 5 ms`,
      figures: { report_to_next_job_ms: spread(nextJobMs).ratio },
    },
  ];
}

async function start(store: Store): Promise<Subject> {
  const flags = [...store.flags, "--port", "0", "--max-queued", "1000000", "--log-level", "silent"];
  const child = fork(COORDINATOR, flags, { silent: true });
  const [{ port }] = await once(child, "message");
  const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure());
  const stop = async (): Promise<void> => {
    client.close();
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  };
  return { child, client, port, stop };
}

function submit(client: GenerationClient): Promise<Job__Output> {
  return callUnary<Job__Output>((done) => client.submit({ prompt: PROMPT }, done), neverAborts);
}

/** As many a second as the clients can send, each its next one when the last was acknowledged. */
async function submitMany(client: GenerationClient, count: number, clock: Clock): Promise<number> {
  let begun = 0;
  const startedAt = clock.now();
  const clients = Array.from({ length: CLIENTS }, async () => {
    while (begun < count) {
      begun += 1;
      await submit(client);
    }
  });
  await Promise.all(clients);
  return (count * 1000) / (clock.now() - startedAt);
}

/** At a fixed pace, whether or not those before were acknowledged. */
async function submitPaced(
  client: GenerationClient,
  clock: Clock,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const startedAt = clock.now();
  const durations = await Promise.all(
    Array.from({ length: PACED }, async (_, i) => {
      const dueAt = startedAt + (i * 1000) / PACED_PER_SECOND;
      await clock.sleep(Math.max(0, dueAt - clock.now()), neverAborts);
      const from = clock.now();
      await submit(client);
      return clock.now() - from;
    }),
  );
  return { p50Ms: quantile(durations, 0.5), p99Ms: quantile(durations, 0.99) };
}

/** 99th percentile of writing 2 kB at the end of a file, with its sync, milliseconds. */
async function bareSync(path: string, clock: Clock): Promise<number> {
  const file = await open(path, "a");
  const durations: number[] = [];
  try {
    for (let i = 0; i < 500; i++) {
      const from = clock.now();
      await file.write(Buffer.alloc(2000));
      await file.datasync();
      durations.push(clock.now() - from);
    }
  } finally {
    await file.close();
  }
  return quantile(durations, 0.99);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
}

const PROMPT = "a panda in a red jacket plays the guitar in a quiet bamboo forest, warm light, cinematic";

const HELLO = {
  protocolVersion: PROTOCOL_VERSION,
  device: "cpu",
  models: [
    {
      name: "demo",
      digest: "d".repeat(64),
      variant: "1.0",
      limits: { minHeight: 16, maxHeight: 64, minWidth: 16, maxWidth: 64, maxNumFrames: 17 },
      defaultScheduler: "ddim",
      defaultHeight: 32,
      defaultWidth: 32,
      defaultNumFrames: 9,
      defaultFps: 8,
      maxTextSeqLength: 16,
    },
  ],
};

/** A worker comes, says what it has and goes. */
async function offerModel(port: number): Promise<void> {
  const worker = await welcomedWorker(port);
  worker.close();
}

/** Comes again until the coordinator leads, and has taken up its jobs. */
async function welcomedWorker(port: number): Promise<ReturnType<typeof connectWorker>> {
  for (;;) {
    const worker = connectWorker(port);
    try {
      await worker.next("welcome");
      return worker;
    } catch (reason) {
      worker.close();
      if (!(reason instanceof Error && "code" in reason && reason.code === status.UNAVAILABLE)) throw reason;
    }
  }
}

/** A worker that fails each job at once: how long until it is given the next. */
async function timesToNextJob(port: number, clock: Clock): Promise<number[]> {
  const worker = await welcomedWorker(port);
  const times: number[] = [];
  let assigned = await worker.next("assign");
  for (let i = 0; i < 50; i++) {
    const { jobId, epoch } = assigned;
    const startedAt = clock.now();
    worker.send({ assignmentFailed: { jobId, epoch, error: { code: "numeric_error", message: "a test" } } });
    assigned = await worker.next("assign");
    times.push(clock.now() - startedAt);
  }
  worker.close();
  return times;
}

function connectWorker(port: number) {
  const client = new fleetApi.Fleet(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = client.connect();
  stream.on("error", () => {}); // that is how our cancel ends it
  const messages = stream[Symbol.asyncIterator]();
  const send = (message: WorkerMessage): void => void stream.write(message);
  send({ hello: { ...HELLO, workerId: "w" } });
  return {
    send,
    next: async <K extends "welcome" | "assign">(kind: K) => {
      for (;;) {
        const { value, done } = await messages.next();
        if (done === true) throw new Error("the coordinator ended the stream");
        const message: CoordinatorMessage__Output = value;
        const found = message[kind];
        if (found) return found;
      }
    },
    close: () => {
      stream.cancel();
      client.close();
    },
  };
}

/** Without the pages of files that are mapped: the kernel takes those back when it needs them. */
function anonymousMegabytes({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) / 1000;
}
