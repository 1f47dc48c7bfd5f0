import { ClusterError, type ErrorCode, isErrorCode, statusText } from "@cogfleet/core";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { connectionFault } from "./connection-fault.js";
import { encodeRetryInfo } from "./retry-info.js";

// `satisfies` makes a new ErrorCode a compile error here until it has a wire status.
const STATUS = {
  invalid_config: status.FAILED_PRECONDITION,
  invalid_request: status.INVALID_ARGUMENT,
  invalid_checkpoint: status.FAILED_PRECONDITION,
  job_not_found: status.NOT_FOUND,
  model_not_found: status.NOT_FOUND,
  worker_not_found: status.NOT_FOUND,
  artifact_unavailable: status.FAILED_PRECONDITION,
  already_exists: status.ALREADY_EXISTS,
  conflict: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  incompatible_version: status.FAILED_PRECONDITION,
  lease_lost: status.ABORTED,
  peer_lost: status.UNAVAILABLE,
  worker_lost: status.UNAVAILABLE,
  data_loss: status.DATA_LOSS,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  tensor_mismatch: status.INTERNAL,
  numeric_error: status.INTERNAL,
  out_of_memory: status.RESOURCE_EXHAUSTED,
  unsupported: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
} satisfies Record<ErrorCode, status>;

// What a status means when the other side did not say which of our codes it was.
const CODE_OF_STATUS: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.INVALID_ARGUMENT]: "invalid_request",
  [status.OUT_OF_RANGE]: "invalid_request",
  [status.ALREADY_EXISTS]: "already_exists",
  [status.ABORTED]: "conflict",
  [status.UNAVAILABLE]: "unavailable",
  [status.RESOURCE_EXHAUSTED]: "resource_exhausted",
  [status.DEADLINE_EXCEEDED]: "deadline_exceeded",
  [status.CANCELLED]: "cancelled",
  [status.DATA_LOSS]: "data_loss",
  [status.UNIMPLEMENTED]: "unsupported",
};

const CODE_KEY = "cogfleet-error-code";
const RETRY_KEY = "cogfleet-retry-after-ms";
const DETAILS_KEY = "grpc-status-details-bin";
const RETRY_DETAIL = "retryAfterMs";
const LEADER_KEY = "cogfleet-leader";
const LEADER_DETAIL = "leader";

/**
 * The error as the wire carries it: code and message, fit for a stranger; causes stay here. Our code travels in the
 * metadata `cogfleet-error-code`, a detail `retryAfterMs` in `cogfleet-retry-after-ms` and, for clients of other makes, as
 * google.rpc.RetryInfo in `grpc-status-details-bin`, and a detail `leader`, the host:port of the coordinator that would
 * do it, in `cogfleet-leader`.
 */
export function toServiceError(error: ClusterError): ServiceError {
  const code = STATUS[error.code];
  const message = statusText(error.message);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  const retryAfterMs = error.details[RETRY_DETAIL];
  if (retryAfterMs !== undefined) {
    metadata.set(RETRY_KEY, String(retryAfterMs));
    metadata.set(DETAILS_KEY, encodeRetryInfo({ code, message }, Number(retryAfterMs)));
  }
  const leader = error.details[LEADER_DETAIL];
  if (leader !== undefined) metadata.set(LEADER_KEY, String(leader));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** What a client's call failed with: the code that the server meant, else the one its status implies. */
export function fromServiceError(error: ServiceError): ClusterError {
  const [named] = error.metadata?.get(CODE_KEY) ?? [];
  const code =
    typeof named === "string" && isErrorCode(named) ? named : (CODE_OF_STATUS[error.code] ?? "internal");
  const [retryAfter] = error.metadata?.get(RETRY_KEY) ?? [];
  const [leader] = error.metadata?.get(LEADER_KEY) ?? [];
  const details = {
    ...(retryAfter === undefined ? {} : { [RETRY_DETAIL]: Number(retryAfter) }),
    ...(leader === undefined ? {} : { [LEADER_DETAIL]: String(leader) }),
  };
  // What grpc-js adds to a failed connection says nothing to a person.
  const fault = named === undefined && error.code === status.UNAVAILABLE ? connectionFault(error) : undefined;
  const message = fault ?? (error.details || error.message).replace(/\s*Resolution note:\s*$/, "");
  return new ClusterError(code, message, { cause: error, details });
}
