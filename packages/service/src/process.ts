import { ClusterError, type ErrorCode, type Logger } from "@cogfleet/core";

/** The slice of `process` that a service's life depends on; tests pass an EventEmitter. */
export interface ServiceProcess {
  /** Whether a parent is there that speaks IPC. */
  readonly connected?: boolean;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

export interface Stoppable {
  /** Aborts when the service can do no more; the reason says why. It is stopped then, and the process fails. */
  readonly failed?: AbortSignal;
  /** Aborts when the service is not wanted any more: it is stopped then, and the process ends as if it had been asked to. */
  readonly left?: AbortSignal;
  stop(signal: AbortSignal): Promise<void>;
}

export interface RunOptions {
  readonly process: ServiceProcess;
  readonly log: Logger;
  /** Milliseconds that a stop may take before what still runs is cut. */
  readonly graceMs: number;
  /** Starts the service; the signal aborts when the process is told to end before that is done. */
  readonly start: (signal: AbortSignal) => Promise<Stoppable>;
  /** Told why the service could not start or stop, in one sentence, for stderr. */
  readonly onFailure: (sentence: string) => void;
}

/** 0: ended as asked. 1: failed. 2: bad configuration or checkpoint. 130: forced by a second signal. */
export type ExitCode = 0 | 1 | 2 | 130;

/**
 * The life of a service process: starts, waits for SIGTERM, SIGINT or the death of the parent that forked it, stops
 * within the grace period. A second signal ends it at once. Resolves with the exit code; the caller exits.
 */
export async function runService(options: RunOptions): Promise<ExitCode> {
  const { log } = options;
  const shutdown = new AbortController();
  const forced = new AbortController();
  const ask = (cause: string) => (): void => {
    if (shutdown.signal.aborted) {
      forced.abort();
      return;
    }
    log.info({ cause }, "shutdown began");
    shutdown.abort(new ClusterError("cancelled", `stopped by ${cause}`));
  };
  const listeners = [
    ["SIGTERM", ask("SIGTERM")],
    ["SIGINT", ask("SIGINT")],
    ["disconnect", ask("the parent's death")],
  ] as const;
  for (const [event, listener] of listeners) options.process.on(event, listener);
  // The parent may have died before we listened.
  const parentWasThere = "connected" in options.process;
  if (parentWasThere && options.process.connected === false) shutdown.abort();

  try {
    const life = live(options, shutdown.signal);
    return await Promise.race([life, aborted(forced.signal).then((): ExitCode => 130)]);
  } finally {
    for (const [event, listener] of listeners) options.process.removeListener(event, listener);
  }
}

// What the one who started the process can mend by starting it differently.
const BAD_INPUT: ReadonlySet<ErrorCode> = new Set(["invalid_config", "invalid_checkpoint", "unsupported"]);

async function live(options: RunOptions, shutdown: AbortSignal): Promise<ExitCode> {
  try {
    const service = await options.start(shutdown);
    const { failed, left } = service;
    const ends = [shutdown, failed, left].filter((signal) => signal !== undefined);
    await Promise.race(ends.map(aborted));
    await service.stop(AbortSignal.timeout(options.graceMs));
    if (failed?.aborted === true && !shutdown.aborted) throw failed.reason;
    options.log.info({}, "stopped");
    return 0;
  } catch (reason) {
    if (shutdown.aborted && ClusterError.from(reason).code === "cancelled") return 0;
    const error = ClusterError.from(reason);
    if (error.code === "internal") options.log.error({ err: reason }, "service failed");
    options.onFailure(error.message);
    return BAD_INPUT.has(error.code) ? 2 : 1;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
