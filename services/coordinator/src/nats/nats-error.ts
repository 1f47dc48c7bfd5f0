import { ClusterError } from "@cogfleet/core";
import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import {
  AuthorizationError,
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";

// Of the server's errors.json: its disk or its limits are full.
const FULL: ReadonlySet<number> = new Set([10_002, 10_023, 10_028, 10_047, 10_077]);

// Too few servers to hold the copies: one that was just started counts a moment later.
const NO_PEERS = 10_005;

/** Whether another writer was faster: the revision that was named is not the newest. */
export function isConflict(reason: unknown): boolean {
  if (!(reason instanceof JetStreamApiError)) return false;
  const { StreamWrongLastSequence, StreamWrongLastSequenceUnknown } = JetStreamApiCodes;
  return reason.code === StreamWrongLastSequence || reason.code === StreamWrongLastSequenceUnknown;
}

/** Whether the server has no JetStream, or the account may not use it. */
export function isJetStreamOff(reason: unknown): boolean {
  if (reason instanceof Error && reason.name === "JetStreamNotEnabled") return true; // a class that is not exported
  const { JetStreamNotEnabledForAccount } = JetStreamApiCodes;
  return reason instanceof JetStreamApiError && reason.code === JetStreamNotEnabledForAccount;
}

/** Whether there is no such stream. */
export function isStreamMissing(reason: unknown): boolean {
  return reason instanceof JetStreamApiError && reason.code === JetStreamApiCodes.StreamNotFound;
}

/**
 * What went wrong with the servers, as our own error: `unavailable` when doing it again may help; then a write may have
 * happened or not. `resource_exhausted` when they have no room.
 */
export function natsError(what: string, reason: unknown): unknown {
  if (reason instanceof ClusterError || isConflict(reason)) return reason;
  if (reason instanceof JetStreamApiError && FULL.has(reason.code))
    return new ClusterError("resource_exhausted", `NATS has no room to ${what}: ${reason.message}`, {
      cause: reason,
    });
  if (reason instanceof AuthorizationError || reason instanceof PermissionViolationError)
    return new ClusterError("invalid_config", `NATS refused to ${what}: ${reason.message}`, {
      cause: reason,
    });
  if (isPassing(reason))
    return new ClusterError("unavailable", `NATS did not ${what}: ${textOf(reason)}`, { cause: reason });
  return reason;
}

function isPassing(reason: unknown): boolean {
  // 503: no leader, or no quorum.
  if (reason instanceof JetStreamApiError) return reason.status >= 500 || reason.code === NO_PEERS;
  return (
    reason instanceof TimeoutError ||
    reason instanceof NoRespondersError ||
    reason instanceof RequestError ||
    reason instanceof ConnectionError ||
    reason instanceof ClosedConnectionError ||
    reason instanceof DrainingConnectionError ||
    reason instanceof UserAuthenticationExpiredError ||
    reason instanceof JetStreamError
  );
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
