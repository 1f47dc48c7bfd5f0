import { ClusterError, type ErrorCode } from "@cogfleet/core";

/** What a command ends with: 0 done, 1 failed, 2 bad input, 128 + n stopped by signal n. */
export type ExitCode = 0 | 1 | 2 | 130 | 141 | 143;

// Bad input is what the user can mend by asking differently; the same call will not succeed later.
const EXIT = {
  invalid_config: 2,
  invalid_request: 2,
  invalid_checkpoint: 2,
  job_not_found: 2,
  model_not_found: 2,
  worker_not_found: 2,
  artifact_unavailable: 1,
  already_exists: 2,
  conflict: 1,
  unavailable: 1,
  resource_exhausted: 1,
  incompatible_version: 2,
  lease_lost: 1,
  peer_lost: 2, // nobody answers at the endpoint that was given
  worker_lost: 1,
  data_loss: 1,
  deadline_exceeded: 1,
  cancelled: 1,
  tensor_mismatch: 1,
  numeric_error: 1,
  out_of_memory: 1,
  unsupported: 2,
  internal: 1,
} as const satisfies Record<ErrorCode, ExitCode>;

/** The exit code for a failure. */
export function exitCodeOf(error: ClusterError): ExitCode {
  if (error.details["signal"] === "SIGINT") return 130;
  if (error.details["signal"] === "SIGTERM") return 143;
  if (error.details["signal"] === "SIGPIPE") return 141;
  return EXIT[error.code];
}

/** The exit code for a job that failed: 1, save when the cause is a checkpoint that the user chose. */
export function exitCodeOfJob(error: { readonly code: string } | undefined): ExitCode {
  return error?.code === "invalid_checkpoint" ? 2 : 1;
}

/** The reason a command's signal aborts with when the user stops it. */
export function interruptedBy(signal: "SIGINT" | "SIGTERM"): ClusterError {
  return new ClusterError("cancelled", "stopped", { details: { signal } });
}

/** The reason a command's signal aborts with when stdout can be written no more. */
export function outputLost(cause: Error): ClusterError {
  const errno = "code" in cause ? String(cause.code) : cause.message;
  if (errno === "EPIPE")
    return new ClusterError("cancelled", "nobody reads stdout any more", { details: { signal: "SIGPIPE" } });
  return new ClusterError("internal", `cannot write to stdout (${errno})`, { cause });
}

/** The exit code of a command that was done when stdout was lost: of whoever stopped reading, that was meant. */
export function exitCodeAfter(lost: ClusterError): ExitCode {
  return lost.details["signal"] === "SIGPIPE" ? 0 : exitCodeOf(lost);
}

const MAX_LINES = 6;

/** What a person reads of a failure: its sentences, at most six lines, never a stack. */
export function errorLines(error: ClusterError): string[] {
  const lines = `cogfleet: ${error.message}`.split("\n").filter((line) => line.trim() !== "");
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES - 1), `  and ${lines.length - MAX_LINES + 1} more`];
}
