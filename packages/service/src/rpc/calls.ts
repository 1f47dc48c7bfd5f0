import { ClusterError } from "@cogfleet/core";
import type { ClientReadableStream, ClientUnaryCall, ServiceError } from "@grpc/grpc-js";
import { fromServiceError } from "./status.js";

/**
 * A unary or client-streaming call as a promise: `callUnary<Job__Output>((done) => client.get({ jobId }, done), signal)`.
 * Rejects with ClusterError; aborting cancels the call.
 */
export function callUnary<Res>(
  start: (done: (error: ServiceError | null, response?: Res) => void) => { cancel(): void } | ClientUnaryCall,
  signal: AbortSignal,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const call = start((error, response) => {
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) reject(signal.reason);
      else if (error !== null) reject(fromServiceError(error));
      else if (response === undefined)
        reject(new ClusterError("internal", "a call ended without a response"));
      else resolve(response);
    });
    const onAbort = (): void => call.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * The messages of a server's stream, as they come; a slow reader slows the server down.
 * Throws ClusterError; leaving the loop, or aborting, cancels the call.
 */
export async function* readStream<Res>(
  call: ClientReadableStream<Res>,
  signal: AbortSignal,
): AsyncGenerator<Res, void, undefined> {
  const onAbort = (): void => call.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  // Cancelling makes the call emit an error after the loop has been left: somebody must be there to hear it.
  call.on("error", () => {});
  try {
    signal.throwIfAborted();
    for await (const message of call) yield message as Res;
    signal.throwIfAborted();
  } catch (reason) {
    if (signal.aborted) throw signal.reason;
    throw isServiceError(reason) ? fromServiceError(reason) : ClusterError.from(reason);
  } finally {
    signal.removeEventListener("abort", onAbort);
    call.cancel();
  }
}

/** Whether grpc-js made this error: a status with details and metadata. */
export function isServiceError(reason: unknown): reason is ServiceError {
  return reason instanceof Error && "code" in reason && "details" in reason && "metadata" in reason;
}
