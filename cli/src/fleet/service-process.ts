import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import { type Clock, ClusterError, orAbort } from "@cogfleet/core";

/** How a service's process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A coordinator or a worker that runs as a child of this process. */
export interface ServiceProcess {
  /** Such as "coordinator" or "worker 2". */
  readonly name: string;
  readonly pid: number;
  /** What it said of itself once it was up, such as its port. Rejects when it ended or failed before that. */
  readonly ready: Promise<ServiceReady>;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Asks it to end; after `graceMs`, or when the signal aborts, it is killed. Idempotent. */
  stop(graceMs: number, signal: AbortSignal): Promise<void>;
}

/** What a service tells its parent over IPC when it is up: the message `{ kind: "listening", port, httpPort }`. */
export interface ServiceReady {
  /** Of its gRPC server; 0 for none. */
  readonly port: number;
  /** Of metrics and health; 0 for none. */
  readonly httpPort: number;
}

export interface ServiceCommand {
  readonly name: string;
  /** The module to fork. */
  readonly module: URL;
  readonly args: readonly string[];
  /** Told of warnings and errors of the service, one readable line each. */
  readonly onLine: (line: string) => void;
}

/**
 * Forks a service with an IPC channel: when this process dies, even by SIGKILL, the channel closes and the service ends
 * by itself. It gets its own process group, so that Ctrl-C reaches this process alone, which then stops it in order.
 */
export function startServiceProcess(command: ServiceCommand, clock: Clock): ServiceProcess {
  const child = fork(command.module, command.args, {
    stdio: ["ignore", "ignore", "pipe", "ipc"], // stdout repeats the message
    detached: true,
    execArgv: [], // a debugger's port is ours alone
  });
  const said: string[] = []; // the last words, for the error when it ends early
  if (child.stderr !== null)
    createInterface({ input: child.stderr }).on("line", (line) => {
      const words = readableLine(line);
      if (words === undefined) return;
      said.push(words);
      if (said.length > 3) said.shift();
      command.onLine(words);
    });

  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  const ready = new Promise<ServiceReady>((resolve, reject) => {
    child.on("message", (message) => {
      const report = parseReport(message);
      if (report !== undefined) resolve(report);
    });
    void ended.then((end) => reject(endedEarly(command.name, end, said)));
  });
  ready.catch(() => {}); // whoever does not ask must not crash the process

  let stopping: Promise<void> | undefined;
  return {
    name: command.name,
    pid: child.pid ?? 0,
    ready,
    ended,
    stop(graceMs, signal) {
      stopping ??= stopChild(child, ended, { clock, graceMs }, signal);
      return stopping;
    },
  };
}

interface Killable {
  kill(signal: NodeJS.Signals): boolean;
}

async function stopChild(
  child: Killable,
  ended: Promise<ProcessEnd>,
  patience: { readonly clock: Clock; readonly graceMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { clock, graceMs } = patience;
  const over = new AbortController();
  child.kill("SIGTERM");
  const grace = clock.sleep(graceMs, AbortSignal.any([signal, over.signal])).catch(() => {});
  await Promise.race([ended, grace]);
  over.abort();
  child.kill("SIGKILL"); // does nothing to a process that has ended
  await ended;
}

/** The message that says a service is up, or undefined when it is another one. */
function parseReport(message: unknown): ServiceReady | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...message };
  if (fields["kind"] !== "listening") return undefined;
  const portOf = (name: string): number => {
    const port = fields[name];
    return typeof port === "number" ? port : 0;
  };
  return { port: portOf("port"), httpPort: portOf("httpPort") };
}

const WARN = 40; // pino's number for the level

/** A log line as a person would want it; undefined for lines below a warning. Other output is passed on as it is. */
export function readableLine(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== "object" || entry === null || !("level" in entry) || !("msg" in entry)) return line;
  if (typeof entry.level === "number" && entry.level < WARN) return undefined;
  const cause = "err" in entry ? messageOf(entry.err) : "";
  return cause === "" ? String(entry.msg) : `${String(entry.msg)}: ${cause}`;
}

function messageOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("message" in error)) return "";
  return String(error.message).split("\n")[0] ?? "";
}

function endedEarly(name: string, end: ProcessEnd, said: readonly string[]): ClusterError {
  // The services use the exit codes of this command: 2 says that their configuration was wrong.
  const code = end.code === 2 ? "invalid_config" : "unavailable";
  const last = said.at(-1);
  if (last !== undefined && end.signal === null) return new ClusterError(code, last);
  return new ClusterError(
    code,
    `the ${name} ended ${howItEnded(end)}${last === undefined ? "" : `: ${last}`}`,
  );
}

/** "with code 1" or "by SIGKILL". */
export function howItEnded(end: ProcessEnd): string {
  return end.signal === null ? `with code ${end.code}` : `by ${end.signal}`;
}

/** Waits until a service is up. */
export function whenReady(service: ServiceProcess, signal: AbortSignal): Promise<ServiceReady> {
  return orAbort(service.ready, signal);
}
