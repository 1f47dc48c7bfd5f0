import { hostname } from "node:os";
import { type Clock, ClusterError, type Logger, linkSignals, type Random } from "@cogfleet/core";
import { type GrpcGroup, openExchange } from "@cogfleet/exchange";
import { deviceName, parseDevice } from "@cogfleet/ort";
import {
  createRegistry,
  openCredentials,
  openTracing,
  startHttpServer,
  startRpcServer,
  tlsFilesOf,
  watchLoopLag,
} from "@cogfleet/service";
import type { Assignment } from "./assignment.js";
import { AssignmentTracing } from "./assignment-tracing.js";
import { endpointsOf, hungRunMsOf, threadsOf, type WorkerConfig } from "./config.js";
import { type CoordinatorAddress, dialLeader } from "./dial-leader.js";
import { FleetClient } from "./fleet-client.js";
import { probeLink } from "./link-probe.js";
import { type LoadedModel, loadModel } from "./load-model.js";
import { ExchangeMeter } from "./measured-group.js";
import { createWorkerMetrics } from "./metrics.js";
import { openVideoEncoder } from "./mp4/video-encoder.js";
import { dialCoordinator } from "./rpc/dial.js";
import { resolveEndpoint } from "./rpc/resolve-endpoint.js";
import { VERSION } from "./version.js";
import { Worker } from "./worker.js";

const LOOK_MS = 1_000;

export interface WorkerServiceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Stands in for the checkpoint of the configuration. */
  readonly loadModel?: typeof loadModel;
}

export interface RunningWorker {
  readonly id: string;
  readonly httpPort: number;
  /** Aborts when this worker can do no more; the reason says why. */
  readonly failed: AbortSignal;
  /** Aborts when the coordinator has told this worker to leave. */
  readonly left: AbortSignal;
  /**
   * Takes nothing new, hands back what runs at its next step, leaves the coordinator and ends the compute threads. When
   * the signal aborts, what runs is handed back at once and nothing is waited for: then `isComputing` tells whether a
   * run of ONNX Runtime is still in progress, in which case process.exit() would crash. Idempotent.
   */
  stop(signal: AbortSignal): Promise<void>;
  isComputing(): boolean;
}

/**
 * The composition root: loads the model, then connects. Throws what is wrong with the configuration, the device or the
 * checkpoint before it connects. Tests call it too.
 */
export async function startWorker(
  config: WorkerConfig,
  deps: WorkerServiceDeps,
  signal: AbortSignal,
): Promise<RunningWorker> {
  const { clock, random, log } = deps;
  const startedAt = clock.now();
  const registry = createRegistry({ service: "worker", version: VERSION });
  const metrics = createWorkerMetrics(registry);
  const id = config.id === "auto" ? `${hostname()}-${random.id().slice(0, 8)}` : config.id;
  const traces = await openTracing(config, { service: "worker", instance: id, version: VERSION, clock, log });
  const tracing = traces && new AssignmentTracing(traces.tracer, clock);
  const meter = new ExchangeMeter(clock.now, {
    ...metrics,
    stepExchanged(op, seconds) {
      metrics.stepExchanged(op, seconds);
      tracing?.exchanged(op, seconds);
    },
  });
  let stepComputeSeconds = 0; // of what runs
  const device = parseDevice(config.device);
  const { threads, spin } = threadsOf(config);

  const encoder = await openVideoEncoder(config.videoEncoder);
  const { precision, textEncoder } = config;
  const model: LoadedModel = await (deps.loadModel ?? loadModel)(
    { folder: config.model, device, precision, threads, spin, textEncoder },
    {
      clock,
      observer: {
        ...metrics,
        transformerRan(seconds) {
          metrics.transformerRan(seconds);
          stepComputeSeconds = seconds;
          meter.stepDone();
          tracing?.transformerRan();
        },
      },
    },
    signal,
  );

  const opened: (() => Promise<unknown>)[] = [() => model.close()]; // what a start that fails must undo
  const undo = async (reason: unknown): Promise<never> => {
    for (const end of opened.toReversed()) await end();
    throw reason;
  };
  const tls = { clock, log, onExpiry: metrics.certificateRead };
  const credentials = await openCredentials(tlsFilesOf(config), tls).catch(undo);
  opened.push(() => credentials.stop());
  const exchange = await openExchange(
    { clock, random, log, credentials: credentials.channel },
    { sharedMemoryBytes: config.sharedMemoryMib * 2 ** 20 },
  ).catch(undo);
  opened.push(() => exchange.close());
  const peers = await startRpcServer({
    host: config.listen,
    port: config.exchangePort,
    credentials: credentials.server,
    services: [exchange.service],
    log,
  }).catch(undo);
  opened.push(() => peers.stop(AbortSignal.abort()));

  const failed = new AbortController();
  const hung = new AbortController();
  const left = new AbortController();
  let firstAssignedAt: number | undefined;
  let isFirstStep = true;
  const observer = {
    stepDone(): void {
      if (isFirstStep && firstAssignedAt !== undefined)
        metrics.coldStartPhase("first_step", (clock.now() - firstAssignedAt) / 1000);
      isFirstStep = false;
    },
  };
  const lag = watchLoopLag();
  let isFirstWelcome = true;
  const hello: Parameters<typeof dialCoordinator>[2] = {
    id,
    device: deviceName(device),
    precision: model.precision,
    threads,
    model: model.facts,
    hostname: hostname(),
    pid: process.pid,
    version: VERSION,
    exchangeAddress: addressOf(config, peers.port),
    configs: model.configs,
    flopsPerSecond: model.flopsPerSecond,
    memoryBytes: model.memoryBytes,
    transformerForm: model.form(),
  };
  const dialAt = (where: CoordinatorAddress) =>
    dialCoordinator({ random, log, credentials: credentials.channel }, where, hello);
  const dial = dialLeader({ clock, dialAt, resolve: resolveEndpoint }, endpointsOf(config.coordinator));
  const client = new FleetClient({
    clock,
    random,
    log,
    dial,
    address: config.coordinator,
    takeVitals() {
      const eventLoopLagMs = lag.takeMs();
      metrics.eventLoopLag(eventLoopLagMs / 1000);
      return { eventLoopLagMs, stepComputeSeconds, runSeconds: model.runSeconds() };
    },
    onCommand(command) {
      if (command.kind === "assign") {
        firstAssignedAt ??= clock.now();
        stepComputeSeconds = 0;
      }
      worker.handle(command);
    },
    onLeaseLost: (reason) => worker.abandon(reason),
    onWelcome() {
      if (isFirstWelcome) metrics.coldStartPhase("connect", (clock.now() - startedAt) / 1000);
      isFirstWelcome = false;
      if (worker.isDraining) client.report({ kind: "draining" });
    },
  });
  const join = ({ jobId, epoch, rank, peers: others }: Place): GrpcGroup => {
    const addresses = others.map((peer) => peer.exchangeAddress);
    return exchange.join({ jobId, epoch, rank, addresses });
  };
  const stopping = new AbortController();
  const worker: Worker = new Worker({
    model,
    encoder,
    join: (assignment) => meter.group(join(assignment)),
    measureLink: (probe) => void probeLink({ join, link: client, clock, log }, probe, stopping.signal),
    link: client,
    clock,
    observer,
    tracing,
    log,
    onBroken: (error) => failed.abort(error),
    onLeave: () => left.abort(),
  });

  const host = config.listen;
  const notReady = (): string | undefined => {
    if (worker.isDraining) return "draining";
    return client.isConnected ? undefined : "not connected to the coordinator";
  };
  opened.push(async () => lag.stop());
  const http = await startHttpServer({ host, port: config.httpPort, registry, notReady, log }).catch(undo);
  const { facts } = model;
  log.info(
    {
      workerId: id,
      model: facts.name,
      device: config.device,
      precision: model.precision,
      threads,
      textEncoder: model.textEncoder,
    },
    "model loaded",
  );
  const connected = client
    .run(stopping.signal)
    .catch((reason: unknown) => failed.abort(ClusterError.from(reason)));

  const hungRunMs = hungRunMsOf(config, device);
  const watchRuns = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(LOOK_MS, stopping.signal).catch(() => {});
      const reason = model.hang(hungRunMs);
      if (reason === undefined) continue;
      hung.abort(); // nothing that waits for the device is waited for
      failed.abort(new ClusterError("worker_lost", `${reason}; this worker ends, to be started anew`));
      return;
    }
  };
  void watchRuns();

  let isComputing = true;
  const stop = async (forced: AbortSignal): Promise<void> => {
    const { signal: force, unlink } = linkSignals(forced, hung.signal);
    worker.drain();
    await untilOrAbort(worker.idle(), force);
    worker.giveBack();
    client.leave();
    await untilOrAbort(connected, force);
    stopping.abort(new ClusterError("cancelled", "the worker is stopping"));
    await connected;
    lag.stop();
    const closed = model.close().then(() => {
      isComputing = false;
    });
    await peers.stop(force);
    await exchange.close();
    await credentials.stop();
    await Promise.all([untilOrAbort(closed, force), http.stop(force), traces?.stop(force)]);
    unlink();
  };
  let stopped: Promise<void> | undefined;
  return {
    id,
    httpPort: http.port,
    failed: failed.signal,
    left: left.signal,
    stop(force) {
      stopped ??= stop(force);
      return stopped;
    },
    isComputing: () => isComputing,
  };
}

/** A place among the ranks of a job, or of a measurement. */
type Place = Pick<Assignment, "jobId" | "epoch" | "rank" | "peers">;

/** Where peers reach this worker. */
function addressOf({ listen, advertise }: Pick<WorkerConfig, "listen" | "advertise">, port: number): string {
  const isAny = listen === "0.0.0.0" || listen === "::";
  const host = advertise !== "auto" ? advertise : isAny ? hostname() : listen;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Resolves with the promise, or when the signal aborts. */
async function untilOrAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
    promise.then(done, done);
  });
}
