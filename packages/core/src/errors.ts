// One row per thing that can go wrong: whether doing it again can help.
const RETRYABLE = {
  invalid_config: false,
  invalid_request: false,
  invalid_checkpoint: false,
  job_not_found: false,
  model_not_found: false,
  worker_not_found: false,
  artifact_unavailable: false,
  already_exists: false,
  conflict: true,
  unavailable: true,
  resource_exhausted: true,
  incompatible_version: false,
  lease_lost: true,
  peer_lost: true,
  worker_lost: true,
  data_loss: true,
  deadline_exceeded: false,
  cancelled: false,
  tensor_mismatch: false,
  numeric_error: false,
  out_of_memory: false,
  unsupported: false,
  internal: false,
} as const;

export type ErrorCode = keyof typeof RETRYABLE;
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** The only error that crosses a module boundary. Branch on `code`, never on `message`. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Whether the same call may succeed later or elsewhere. */
  get retryable(): boolean {
    return RETRYABLE[this.code];
  }

  /** Wraps whatever was thrown. Aborts and timeouts are known; anything else is our bug. */
  static from(reason: unknown): ClusterError {
    if (reason instanceof ClusterError) return reason;
    const name = reason instanceof Error ? reason.name : "";
    if (name === "TimeoutError")
      return new ClusterError("deadline_exceeded", "the deadline passed", { cause: reason });
    if (name === "AbortError") return new ClusterError("cancelled", "cancelled", { cause: reason });
    return new ClusterError("internal", "internal error", { cause: reason });
  }
}

export const ERROR_CODES: readonly ErrorCode[] = Object.keys(RETRYABLE) as ErrorCode[];

/** Whether `code`, as read from the wire or a file, is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(RETRYABLE, code);
}
