import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../../cli/bin/cogfleet.mjs", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** A `cogfleet` command that runs. */
export interface RunningCommand {
  readonly child: ChildProcess;
  /** The first line of stdout or stderr that matches, now or later; rejects when the command ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Outcome>;
}

/** Starts the command as users do, by its launcher; no variable of this process' COGFLEET_* reaches it. */
export function startCommand(...args: string[]): RunningCommand {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("COGFLEET_")),
  );
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const out: string[] = [];
  const err: string[] = [];
  const waiting = new Set<() => void>();
  for (const [stream, lines] of [
    [child.stdout, out],
    [child.stderr, err],
  ] as const) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, "close").then(([code]): Outcome => ({ code: code as number | null, out, err }));
  return {
    child,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          for (const line of [...out, ...err]) {
            const match = pattern.exec(line);
            if (match === null) continue;
            waiting.delete(look);
            resolve(match);
            return;
          }
        };
        waiting.add(look);
        look();
        void ended.then(({ code }) =>
          reject(new Error(`ended with ${code}, without ${pattern}:\n${[...out, ...err].join("\n")}`)),
        );
      }),
  };
}

/** Runs the command to its end. */
export function runCommand(...args: string[]): Promise<Outcome> {
  return startCommand(...args).ended;
}

/** Whether a process is there; a zombie is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves once none of the processes is there any more. They are not our children: nobody tells us. */
export async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 25));
}
