import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "@cogfleet/core";
import { findTool } from "../clients/tool.js";

/** Servers of somebody else's that a test runs as processes; the output of each is FOLDER/NAME.log. */
export interface Daemons {
  /** Starts a tool, its working folder is FOLDER. It ends with this process, even when that is killed. */
  start(name: string, ...args: readonly string[]): void;
  /** Starts a tool under a name of its own, with variables besides ours. */
  startAs(
    name: string,
    tool: string,
    variables: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): void;
  /** Repeats the attempt until it succeeds. Rejects with the ends of the logs when a daemon ended or 2 minutes went by. */
  until(what: string, attempt: () => Promise<unknown>): Promise<void>;
  /** Kills them all, the last started first. Idempotent. */
  stop(): Promise<void>;
}

const READY_MS = 120_000; // seconds on a machine with nothing else to do

export function daemonsIn(folder: string): Daemons {
  const running = new Map<string, ChildProcess>();
  let stopped: Promise<void> | undefined;
  const start = (
    name: string,
    tool: string,
    variables: Readonly<Record<string, string>>,
    args: readonly string[],
  ): void => {
    const log = openSync(logOf(folder, name), "a");
    const command = ["--pdeathsig", "KILL", findTool(tool), ...args];
    const env = { ...process.env, ...variables };
    running.set(name, spawn("setpriv", command, { stdio: ["ignore", log, log], cwd: folder, env }));
    closeSync(log);
  };
  return {
    start: (name, ...args) => start(name, name, {}, args),
    startAs: (name, tool, variables, ...args) => start(name, tool, variables, args),
    async until(what, attempt) {
      const deadline = AbortSignal.timeout(READY_MS);
      for (;;) {
        try {
          await attempt();
          return;
        } catch (reason) {
          const ended = [...running].filter(([, child]) => !isRunning(child)).map(([name]) => name);
          if (ended.length === 0 && !deadline.aborted) {
            await systemClock.sleep(200, AbortSignal.timeout(1_000));
            continue;
          }
          const logs = (ended.length === 0 ? [...running.keys()] : ended).map((name) =>
            lastWords(folder, name),
          );
          throw new Error(`waited in vain until ${what}\n${logs.join("\n")}`, { cause: reason });
        }
      }
    },
    stop() {
      stopped ??= endAll([...running.values()].toReversed());
      return stopped;
    },
  };
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    if (!isRunning(child)) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL"); // nothing of it is kept
    await gone;
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function logOf(folder: string, name: string): string {
  return join(folder, `${name}.log`);
}

function lastWords(folder: string, name: string): string {
  return `--- ${name}.log\n${readFileSync(logOf(folder, name), "utf8").trimEnd().split("\n").slice(-6).join("\n")}`;
}
