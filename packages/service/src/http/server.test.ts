import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts, silentLogger } from "@cogfleet/core";
import { createRegistry } from "./registry.js";
import { startHttpServer } from "./server.js";

describe("the HTTP server", () => {
  it("serves metrics, liveness and readiness", async () => {
    let reason: string | undefined = "the model is loading";
    const registry = createRegistry({ service: "test", version: "1.2.3" });
    const options = { host: "127.0.0.1", port: 0, registry, log: silentLogger };
    const server = await startHttpServer({ ...options, notReady: () => reason });
    try {
      const get = async (path: string): Promise<readonly [number, string]> => {
        const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
        return [response.status, await response.text()];
      };
      assert.deepEqual(await get("/healthz"), [200, '{"status":"ok"}']);
      assert.deepEqual(await get("/readyz"), [503, '{"status":"not ready","reason":"the model is loading"}']);
      reason = undefined;
      assert.deepEqual(await get("/readyz"), [200, '{"status":"ready"}']);
      const [status, body] = await get("/metrics");
      assert.equal(status, 200);
      assert.match(body, /cogfleet_build_info\{service="test",version="1\.2\.3",node="[\d.]+"\} 1/);
      assert.match(body, /nodejs_eventloop_lag_seconds/);
      assert.equal((await get("/none"))[0], 404);

      const second = startHttpServer({ ...options, port: server.port, notReady: () => undefined });
      await assert.rejects(second, {
        code: "invalid_config",
        message: `port ${server.port} on 127.0.0.1 is in use by another process`,
      });
    } finally {
      await server.stop(neverAborts);
      await server.stop(neverAborts);
    }
  });

  it("serves pages that load nothing from elsewhere, and JSON that has to be looked up", async () => {
    const server = await startHttpServer({
      host: "127.0.0.1",
      port: 0,
      registry: createRegistry({ service: "test", version: "1.2.3" }),
      notReady: () => undefined,
      json: { "/echo": async (query) => query },
      pages: { "/": { mediaType: "text/html; charset=utf-8", body: Buffer.from("<p>hello") } },
      log: silentLogger,
    });
    try {
      const page = await fetch(`http://127.0.0.1:${server.port}/`);
      assert.equal(await page.text(), "<p>hello");
      assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
      assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'self'/);
      const echo = await fetch(`http://127.0.0.1:${server.port}/echo?a=1`);
      assert.deepEqual(await echo.json(), { a: "1" });
    } finally {
      await server.stop(neverAborts);
    }
  });
});
