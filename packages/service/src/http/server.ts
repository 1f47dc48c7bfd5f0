import { ClusterError, type Logger } from "@cogfleet/core";
import { fastify } from "fastify";
import type { Registry } from "prom-client";
import { bindError } from "../rpc/server.js";

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** Why this process should get no work now, or undefined when it may: the readiness probe. */
  readonly notReady: () => string | undefined;
  /** What else GET answers, in JSON, by path; from the query's parameters, the last one where a name is there twice. */
  readonly json?: Readonly<Record<string, (query: Readonly<Record<string, string>>) => object>>;
  readonly log: Logger;
}

export interface HttpServer {
  readonly port: number;
  /** Idempotent. Open requests are cut when the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

function textsOf(query: unknown): Record<string, string> {
  const entries = Object.entries(query ?? {}).map(([name, value]): [string, string] => {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    return [name, String(last)];
  });
  return Object.fromEntries(entries);
}

/** /metrics for Prometheus, /healthz (the process answers), /readyz (it takes work). */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const app = fastify({ logger: false, bodyLimit: 64 * 1024, forceCloseConnections: true });
  app.get("/metrics", async (_request, reply) => {
    const body = await options.registry.metrics();
    return reply.type(options.registry.contentType).send(body);
  });
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const reason = options.notReady();
    return reason === undefined ? { status: "ready" } : reply.code(503).send({ status: "not ready", reason });
  });
  for (const [path, answer] of Object.entries(options.json ?? {}))
    app.get(path, async (request) => answer(textsOf(request.query)));
  app.setErrorHandler(async (reason, _request, reply) => {
    if (reason instanceof ClusterError && reason.code === "invalid_request")
      return reply.code(400).send({ error: reason.code, message: reason.message });
    options.log.error({ err: reason }, "http request failed");
    return reply.code(500).send({ error: "internal error" });
  });

  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (reason) {
    throw reason instanceof Error
      ? bindError(reason, options.host, options.port)
      : new ClusterError("internal", "cannot listen", { cause: reason });
  }
  const address = app.server.address();
  let stopped: Promise<void> | undefined;
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    stop: () => {
      stopped ??= app.close().then(() => undefined);
      return stopped;
    },
  };
}
