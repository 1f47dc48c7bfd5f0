import { ClusterError, type Logger, orAbort } from "@cogfleet/core";
import { fileDescriptors } from "@cogfleet/proto";
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { service as healthService } from "grpc-health-check";
import { type CallObserver, observeCalls } from "./call-observer.js";
import { Health } from "./health.js";

/** A service of @cogfleet/proto with its handlers. */
export interface RpcService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

export interface RpcServerOptions {
  /** Interface to listen on, such as "127.0.0.1". */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly services: readonly RpcService[];
  readonly log: Logger;
  /** Who is let in. Default: anyone, in plaintext. */
  readonly credentials?: ServerCredentials;
  /** Largest message taken, bytes; a larger one is refused with RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /** Told of every call that ends. */
  readonly onCallEnd?: CallObserver;
}

export interface RpcServer {
  /** The port it listens on. */
  readonly port: number;
  /** What grpc.health.v1 answers, for the server and for each of its services. Serving from the start. */
  setServing(isServing: boolean): void;
  /**
   * Takes no new call and waits for those that run; when the signal aborts, ends them. Calls without an end of their
   * own (watches, the workers' streams) must be ended by their handlers. Idempotent.
   */
  stop(signal: AbortSignal): Promise<void>;
}

/**
 * A gRPC server that any generic client can use unaided: health and reflection stand beside the services.
 * A port in use, and an address that is not ours, are `invalid_config`: asking differently mends them.
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  // grpc-js writes to stderr what it also throws, and we say it once, in our own words.
  setLogVerbosity(logVerbosity.NONE);
  const maxMessageBytes = options.maxMessageBytes ?? 4 * 1024 * 1024;
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    // Finds out in half a minute that a watcher's machine is gone; workers have their own heartbeats.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    interceptors: options.onCallEnd === undefined ? [] : [observeCalls(options.onCallEnd)],
  });
  for (const service of options.services) server.addService(service.definition, service.handlers);

  const names = ["", ...options.services.flatMap((service) => serviceNames(service.definition))];
  const health = new Health(names);
  health.addTo(server);
  reflection([...names.slice(1), ...serviceNames(healthService)]).addToServer(server);

  const credentials = options.credentials ?? ServerCredentials.createInsecure();
  const port = await bind(server, credentials, options);
  let stopped: Promise<void> | undefined;
  return {
    port,
    setServing: (isServing) => health.setServing(isServing),
    stop: (signal) => {
      health.setServing(false);
      health.end();
      stopped ??= shutDown(server, signal);
      return stopped;
    },
  };
}

/** Answers for these services, from the compiled descriptors: proto-loader's own are refused by grpcurl and buf. */
function reflection(services: string[]): ReflectionService {
  const fileDescriptorProtos = fileDescriptors.map((base64) => Buffer.from(base64, "base64"));
  // Of a package definition, the reflection service reads this field only.
  const files: PackageDefinition = {
    files: { format: "Protocol Buffer 3 EnumDescriptorProto", type: {}, fileDescriptorProtos },
  };
  return new ReflectionService(files, { services });
}

function serviceNames(definition: ServiceDefinition): string[] {
  // A method's path is /package.Service/Method.
  return [...new Set(Object.values(definition).map((method) => method.path.split("/")[1] ?? ""))];
}

function bind(
  server: Server,
  credentials: ServerCredentials,
  { host, port }: Pick<RpcServerOptions, "host" | "port">,
): Promise<number> {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${bracketed}:${port}`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(bindError(error, host, port));
    });
  });
}

/** One sentence for what Node and grpc-js say in many. */
export function bindError(error: Error, host: string, port: number): ClusterError {
  if (error.message.includes("EADDRINUSE")) {
    return new ClusterError("invalid_config", `port ${port} on ${host} is in use by another process`, {
      cause: error,
    });
  }
  if (error.message.includes("EACCES")) {
    return new ClusterError("invalid_config", `port ${port} on ${host} needs privileges we do not have`, {
      cause: error,
    });
  }
  return new ClusterError(
    "invalid_config",
    `cannot listen on ${host}:${port}: not an address of this machine`,
    {
      cause: error,
    },
  );
}

async function shutDown(server: Server, signal: AbortSignal): Promise<void> {
  const graceful = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  try {
    await orAbort(graceful, signal);
  } catch {
    // The other callback may never come: not when a connection breaks in the same moment.
    server.forceShutdown();
  }
}
