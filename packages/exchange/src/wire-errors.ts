import { ClusterError, type ErrorCode, isErrorCode, statusText } from "@cogfleet/core";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

const CODE_KEY = "cogfleet-error-code";
const RANK_KEY = "cogfleet-rank";

// Statuses that tell a stranger more than INTERNAL; between ranks our own code travels in the metadata.
const STATUS: Readonly<Partial<Record<ErrorCode, status>>> = {
  invalid_request: status.INVALID_ARGUMENT,
  incompatible_version: status.FAILED_PRECONDITION,
  lease_lost: status.ABORTED,
  peer_lost: status.UNAVAILABLE,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  data_loss: status.DATA_LOSS,
};

/** The error as the wire carries it: code, message and the rank it is about; the cause stays here. */
export function toWire(error: ClusterError): ServiceError {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  const { rank } = error.details;
  if (rank !== undefined) metadata.set(RANK_KEY, String(rank));
  const code = STATUS[error.code] ?? status.INTERNAL;
  const message = statusText(error.message);
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** What the peer itself said was wrong; undefined when the transport failed and the peer said nothing. */
export function saidByPeer(error: ServiceError): ClusterError | undefined {
  const [code] = error.metadata?.get(CODE_KEY) ?? [];
  if (typeof code !== "string" || !isErrorCode(code)) return undefined;
  const [rank] = error.metadata.get(RANK_KEY);
  const details = rank === undefined ? {} : { rank: Number(rank) };
  return new ClusterError(code, error.details || error.message, { cause: error, details });
}
