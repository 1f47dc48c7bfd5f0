import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, it, type TestContext } from "node:test";
import { ClusterError, type Logger, neverAborts, silentLogger, systemClock } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { generationApi } from "@cogfleet/proto";
import type { GenerationHandlers } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import { callUnary, openCredentials, startRpcServer, type TlsFiles, unary } from "@cogfleet/service";
import { createAuthority } from "./authority.js";

const TIMEOUT_MS = 20_000;
const deps = { clock: systemClock, log: silentLogger };

/** A server that answers ListModels; these files are its own, undefined: plaintext. */
async function serve(t: TestContext, files: TlsFiles | undefined): Promise<number> {
  const credentials = await openCredentials(files, deps);
  const handlers: Pick<GenerationHandlers, "ListModels"> = {
    ListModels: unary("ListModels", silentLogger, async () => ({ models: [] })),
  };
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    credentials: credentials.server,
    services: [{ definition: generationApi.Generation.service, handlers }],
    log: silentLogger,
  });
  t.after(async () => {
    await server.stop(AbortSignal.abort());
    await credentials.stop();
  });
  return server.port;
}

/** Calls the server once; "answered", or why there is no connection. */
async function call(port: number, files: TlsFiles | undefined): Promise<string> {
  const credentials = await openCredentials(files, deps);
  const client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.channel, {
    "grpc.use_local_subchannel_pool": 1,
  });
  try {
    await callUnary(
      (done) => client.listModels({}, { deadline: Date.now() + TIMEOUT_MS }, done),
      neverAborts,
    );
    return "answered";
  } catch (reason) {
    const error = ClusterError.from(reason);
    assert.equal(error.code, "unavailable");
    return error.message;
  } finally {
    client.close();
    await credentials.stop();
  }
}

describe("mutual TLS", () => {
  it("lets those talk whom one authority has signed", async (t) => {
    const authority = await createAuthority(t, "ours");
    const port = await serve(t, await authority.issue("server"));
    assert.equal(await call(port, await authority.issue("client")), "answered");
  });

  it("refuses, on either side, what another authority has signed", async (t) => {
    const ours = await createAuthority(t, "ours");
    const theirs = await createAuthority(t, "theirs");
    const port = await serve(t, await ours.issue("server"));
    const foreign = await theirs.issue("client");
    assert.match(await call(port, foreign), /not signed by an authority of --tls-ca/);
    // It would trust the server, which does not trust it.
    const { ca } = await ours.issue("client");
    assert.match(await call(port, { ...foreign, ca }), /closed the connection at once: it may want TLS/);
  });

  it("refuses a certificate that has expired since it was loaded", async (t) => {
    const authority = await createAuthority(t, "ours");
    const brief = await authority.issue("server", { validForMs: 3_000 });
    const client = await authority.issue("client");
    const port = await serve(t, brief);
    const expiring = await call(port, client);
    assert.equal(expiring, "answered");
    for (let said = expiring; said === "answered"; said = await call(port, client))
      await systemClock.sleep(200, t.signal);
    assert.match(await call(port, client), /its certificate has expired/);
  });

  it("refuses a plaintext peer, and says so to one that speaks TLS to plaintext", async (t) => {
    const authority = await createAuthority(t, "ours");
    const secure = await serve(t, await authority.issue("server"));
    const plain = await serve(t, undefined);
    assert.match(await call(secure, undefined), /it may want TLS/);
    assert.match(await call(plain, await authority.issue("client")), /it speaks plaintext/);
  });

  it("holds the server to the name that was dialled, or to the one that is asked for", async (t) => {
    const authority = await createAuthority(t, "ours");
    const port = await serve(t, await authority.issue("server", { names: ["coordinator.cogfleet"] }));
    const client = await authority.issue("client");
    assert.match(await call(port, client), /its certificate is for another name/);
    assert.equal(await call(port, { ...client, serverName: "coordinator.cogfleet" }), "answered");
    assert.match(await call(port, { ...client, serverName: "worker.cogfleet" }), /for another name/);
  });

  it("takes up files that change, whole or not at all", async (t) => {
    const authority = await createAuthority(t, "ours");
    const files = await authority.issue("server", { names: ["before"] });
    const client = await authority.issue("client");
    const clock = new ManualClock();
    const lines: string[] = [];
    let heard = (): void => {};
    const say = (_: object, message: string): void => {
      lines.push(message);
      heard();
    };
    const log: Logger = { ...silentLogger, info: say, warn: say };
    const expiries: Record<string, number> = {};
    const onExpiry = (certificate: string, atSeconds: number): void => {
      expiries[certificate] = atSeconds;
    };
    const credentials = await openCredentials(files, { clock, log, onExpiry });
    const server = await startRpcServer({
      ...{ host: "127.0.0.1", port: 0, credentials: credentials.server, log: silentLogger },
      services: [
        {
          definition: generationApi.Generation.service,
          handlers: { ListModels: unary("ListModels", silentLogger, async () => ({ models: [] })) },
        },
      ],
    });
    t.after(async () => {
      await server.stop(AbortSignal.abort());
      await credentials.stop();
    });
    const look = async (): Promise<string | undefined> => {
      const line = new Promise<void>((resolve) => {
        heard = resolve;
      });
      await clock.advance(5_000);
      await line;
      return lines.at(-1);
    };
    const named = (serverName: string): TlsFiles => ({ ...client, serverName });
    assert.equal(await call(server.port, named("before")), "answered");
    const before = { ...expiries };
    assert.ok((before["own"] ?? 0) > Date.now() / 1000 && (before["authority"] ?? 0) > Date.now() / 1000);

    await writeFile(files.privateKey, "half of a rotation");
    assert.equal(await look(), "new certificate not used, the old one stays");
    assert.equal(await call(server.port, named("before")), "answered");

    await authority.issue("server", { names: ["after"], validForMs: 7_200_000 });
    assert.equal(await look(), "certificate changed");
    assert.equal(await call(server.port, named("after")), "answered");
    assert.match(await call(server.port, named("before")), /for another name/);
    assert.ok((expiries["own"] ?? 0) > (before["own"] ?? 0));
    assert.equal(expiries["authority"], before["authority"]);
  });

  it("is refused at the start, naming flag and file, when a file cannot be used", async (t) => {
    const authority = await createAuthority(t, "ours");
    const files = await authority.issue("server");
    const other = await authority.issue("other");
    const refusal = async (wrong: Partial<TlsFiles>): Promise<string> => {
      const error: unknown = await openCredentials({ ...files, ...wrong }, deps).catch((reason) => reason);
      assert.ok(error instanceof ClusterError && error.code === "invalid_config");
      return error.message;
    };
    assert.match(
      await refusal({ certificate: "absent.pem" }),
      /--tls-cert absent\.pem cannot be read \(ENOENT\)/,
    );
    assert.match(
      await refusal({ certificate: files.privateKey }),
      /--tls-cert .* is not a certificate in PEM/,
    );
    assert.match(await refusal({ privateKey: files.ca }), /--tls-key .* is not a private key in PEM/);
    assert.match(
      await refusal({ privateKey: other.privateKey }),
      /--tls-key .* is not the key of --tls-cert/,
    );
    const expired = await authority.issue("server", { validForMs: -1_000 });
    assert.match(await refusal(expired), /--tls-cert .* has expired: it was valid to /);
  });
});
