import type { Clock, Random } from "@cogfleet/core";
import type { ExitCode } from "./exit-code.js";

/** Where a command writes. Results go to stdout and everything else to stderr, so that pipes stay clean. */
export interface Terminal {
  /** One line of what was asked for. */
  out(line: string): void;
  /** One line for the person at the keyboard. */
  err(line: string): void;
  /** Where a progress bar may be drawn; undefined when stderr is no terminal. */
  readonly bar: NodeJS.WritableStream | undefined;
}

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts at the first SIGINT or SIGTERM, with what `interruptedBy` makes as the reason. */
  readonly interrupt: AbortSignal;
  /** Turns this process into a service: runs its main module with `flags`; that module ends the process. */
  become(module: URL, flags: readonly string[]): Promise<void>;
}

/** Runs what a command does and keeps its exit code. */
export type Run = (work: () => Promise<ExitCode>) => Promise<void>;
