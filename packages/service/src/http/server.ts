import { ClusterError, type Logger } from "@cogfleet/core";
import { fastify } from "fastify";
import type { Registry } from "prom-client";
import { bindError } from "../rpc/server.js";

export type JsonAnswer = (query: Readonly<Record<string, string>>) => object | Promise<object>;

/** A file that is the same for everybody. */
export interface HttpPage {
  /** Such as "text/html; charset=utf-8". */
  readonly mediaType: string;
  readonly body: Uint8Array;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** Why this process should get no work now, or undefined when it may: the readiness probe. */
  readonly notReady: () => string | undefined;
  /** What else GET answers, in JSON, by path; from the query's parameters, the last one where a name is there twice. */
  readonly json?: Readonly<Record<string, JsonAnswer>>;
  /** What GET answers with bytes, by path. */
  readonly pages?: Readonly<Record<string, HttpPage>>;
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

// Pages load nothing from elsewhere, and stand in nobody's frame.
const PAGE_HEADERS = {
  "content-security-policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
} as const;

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
  for (const [path, { mediaType, body }] of Object.entries(options.pages ?? {}))
    app.get(path, async (_request, reply) =>
      reply.type(mediaType).headers(PAGE_HEADERS).send(Buffer.from(body)),
    );
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
