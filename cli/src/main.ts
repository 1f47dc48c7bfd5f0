import process from "node:process";
import { fileURLToPath } from "node:url";
import { ClusterError, systemClock, systemRandom } from "@cogfleet/core";
import type { CommandContext } from "./context.js";
import { errorLines, exitCodeAfter, exitCodeOf, interruptedBy, outputLost } from "./exit-code.js";
import { runProgram } from "./program.js";

/** The `cogfleet` command: runs what the arguments say and leaves the exit code to the process. */
export async function main(): Promise<void> {
  process.noDeprecation = true; // of the libraries: nothing that a user could mend
  const interrupt = new AbortController();
  let wasTold = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // The second time nobody waits for an orderly end.
      if (wasTold) process.exit(signal === "SIGINT" ? 130 : 143);
      wasTold = true;
      interrupt.abort(interruptedBy(signal));
    });
  }
  // `cogfleet jobs list | head -1`: the reader has had enough. What still runs ends in order, as if it had been told to.
  let fault: ClusterError | undefined;
  process.stdout.on("error", (error) => {
    fault ??= outputLost(error);
    interrupt.abort(fault);
    if (process.exitCode === 0) process.exitCode = exitCodeAfter(fault);
  });
  // Results go to stdout: whoever does not read the rest stops nothing.
  process.stderr.on("error", () => {});

  const context: CommandContext = {
    terminal: {
      out: (line) => void process.stdout.write(`${line}\n`),
      err: (line) => void process.stderr.write(`${line}\n`),
      bar: process.stderr.isTTY ? process.stderr : undefined,
    },
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    interrupt: interrupt.signal,
    async become(module, flags) {
      process.argv = [process.argv0, fileURLToPath(module), ...flags];
      await import(module.href);
    },
  };
  try {
    const code = await runProgram(process.argv.slice(2), context);
    process.exitCode = code === 0 && fault !== undefined ? exitCodeAfter(fault) : code;
  } catch (reason) {
    const error = ClusterError.from(reason);
    for (const line of errorLines(error)) context.terminal.err(line);
    if (error.code === "internal" && process.env["COGFLEET_DEBUG"] !== undefined) console.error(reason);
    process.exitCode = exitCodeOf(error);
  }
}
