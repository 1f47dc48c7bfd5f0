import type { Readable, Writable } from "node:stream";
import { ClusterError, type Logger, orAbort } from "@cogfleet/core";
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
} from "@grpc/grpc-js";
import { toServiceError } from "./status.js";

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborts when the caller cancels, disconnects or runs out of deadline, and when the call is over. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly metadata: Metadata;
  /** Address of the caller, to write down, never to decide by. */
  readonly peer: string;
}

// The part that the four kinds of calls of grpc-js have in common.
interface Call {
  readonly metadata: Metadata;
  getPeer(): string;
  on(event: "cancelled", listener: () => void): unknown;
}

/** Turns `(request, context) => Promise<response>` into what grpc-js wants. */
export function unary<Req, Res>(
  name: string,
  log: Logger,
  handler: (request: Req, context: CallContext) => Promise<Res>,
): handleUnaryCall<Req, Res> {
  return (call, callback) => {
    run(name, log, call, (context) => handler(call.request, context)).then(
      (response) => callback(null, response),
      (error: ClusterError) => callback(toServiceError(error)),
    );
  };
}

/** A handler that yields its responses. The next one is asked for when the caller has room for it. */
export function serverStream<Req, Res>(
  name: string,
  log: Logger,
  handler: (request: Req, context: CallContext) => AsyncIterable<Res>,
): handleServerStreamingCall<Req, Res> {
  return (call) => {
    const work = run(name, log, call, async (context) => {
      for await (const response of handler(call.request, context)) {
        await write(call, response, context.signal);
      }
    });
    work.then(
      () => call.end(),
      (error: ClusterError) => call.emit("error", toServiceError(error)),
    );
  };
}

/** A handler that reads a stream of requests and returns one response, possibly before the stream ends. */
export function clientStream<Req, Res>(
  name: string,
  log: Logger,
  handler: (requests: AsyncIterable<Req>, context: CallContext) => Promise<Res>,
): handleClientStreamingCall<Req, Res> {
  return (call, callback) => {
    run(name, log, call, (context) => handler(messages<Req>(call), context)).then(
      (response) => callback(null, response),
      (error: ClusterError) => callback(toServiceError(error)),
    );
  };
}

/**
 * A handler that reads and writes as it likes; the call ends when its promise settles. `send` resolves when there is
 * room for another message, and rejects once the caller is gone.
 */
export function bidi<Req, Res>(
  name: string,
  log: Logger,
  handler: (
    requests: AsyncIterable<Req>,
    send: (message: Res) => Promise<void>,
    context: CallContext,
  ) => Promise<void>,
): handleBidiStreamingCall<Req, Res> {
  return (call) => {
    const work = run(name, log, call, (context) =>
      handler(messages<Req>(call), (message) => write(call, message, context.signal), context),
    );
    work.then(
      () => call.end(),
      (error: ClusterError) => call.emit("error", toServiceError(error)),
    );
  };
}

/** Runs a handler; whatever it throws becomes a ClusterError, and a bug is written down here, once. */
async function run<T>(
  name: string,
  log: Logger,
  call: Call,
  handler: (context: CallContext) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const over = new ClusterError("cancelled", `${name}: the caller went away`);
  call.on("cancelled", () => controller.abort(over));
  const context = {
    signal: controller.signal,
    log: log.child({ rpc: name }),
    metadata: call.metadata,
    peer: call.getPeer(),
  };
  try {
    return await handler(context);
  } catch (reason) {
    // A stream that broke because the caller left fails in many ways, none of them worth a line in the log.
    const error = controller.signal.aborted ? over : ClusterError.from(reason);
    if (error.code === "internal") context.log.error({ err: reason }, "handler failed");
    throw error;
  } finally {
    controller.abort(new ClusterError("cancelled", `${name}: the call is over`));
  }
}

/** One message at a time: it resolves once the transport has taken it, so a slow reader holds one message, no more. */
function write(stream: Writable, message: unknown, signal: AbortSignal): Promise<void> {
  const taken = new Promise<void>((resolve, reject) => {
    stream.write(message, (error) => (error ? reject(error) : resolve()));
  });
  return orAbort(taken, signal);
}

/** The requests of a call. Leaving the loop early must not destroy the stream: the response is still to come. */
function messages<Req>(call: Readable): AsyncIterable<Req> {
  return { [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false }) };
}
