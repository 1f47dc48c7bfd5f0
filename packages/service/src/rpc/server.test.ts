import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type Logger, neverAborts, orAbort, silentLogger } from "@cogfleet/core";
import { fleetApi, generationApi } from "@cogfleet/proto";
import type { DownloadChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import { Client, credentials, type MethodDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { callUnary, readStream } from "./calls.js";
import { bidi, clientStream, serverStream, unary } from "./handlers.js";
import { type RpcServer, startRpcServer } from "./server.js";

// Under another type: the compiler wants this index in brackets, the linter does not.
const healthMethods = new Map(Object.entries(healthService));

interface Running {
  readonly server: RpcServer;
  readonly client: GenerationClient;
  readonly ended: { method: string; code: string }[];
}

/** A server with these handlers, and a client of it. */
async function serve(
  handlers: UntypedServiceImplementation,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const ended: { method: string; code: string }[] = [];
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [{ definition: generationApi.Generation.service, handlers }],
    log: silentLogger,
    maxMessageBytes: 100_000,
    onCallEnd: (call) => ended.push(call),
  });
  const client = new generationApi.Generation(`127.0.0.1:${server.port}`, credentials.createInsecure());
  try {
    await use({ server, client, ended });
  } finally {
    client.close();
    await server.stop(AbortSignal.timeout(0));
  }
}

function submit(client: GenerationClient, prompt: string, signal = neverAborts): Promise<Job__Output> {
  return callUnary<Job__Output>((done) => client.submit({ prompt }, done), signal);
}

describe("the gRPC server", () => {
  it("answers, and tells of every call by method and code", () =>
    serve(
      { Submit: unary("Submit", silentLogger, async ({ prompt }: { prompt: string }) => ({ id: prompt })) },
      async ({ client, ended }) => {
        assert.equal((await submit(client, "p")).id, "p");
        await assert.rejects(
          callUnary((done) => client.get({ jobId: "x" }, done), neverAborts),
          {
            code: "unsupported",
          },
        );
        // A path that is no method must not become a label: anybody can make up a million of them.
        const echo = (data: Buffer): Buffer => data;
        const unknown = callUnary(
          (done) => client.makeUnaryRequest("/no.Such/Method", echo, echo, Buffer.alloc(0), done),
          neverAborts,
        );
        await assert.rejects(unknown, { code: "unsupported" });
        assert.deepEqual(ended, [
          { method: "cogfleet.v1.Generation/Submit", code: "OK" },
          { method: "cogfleet.v1.Generation/Get", code: "UNIMPLEMENTED" },
        ]);
      },
    ));

  it("sends the whole sentence of a refusal, and of a bug only that there is one, which it logs once", async () => {
    const logged: unknown[] = [];
    const log: Logger = { ...silentLogger, error: (fields) => logged.push(fields), child: () => log };
    const sentence = "num_frames 10 must be 8k+1, such as 9 or 17";
    const handlers = {
      Submit: unary("Submit", log, async ({ prompt }: { prompt: string }) => {
        throw prompt === "bug" ? new TypeError("secret") : new ClusterError("invalid_request", sentence);
      }),
    };
    await serve(handlers, async ({ client }) => {
      await assert.rejects(submit(client, "bad"), { code: "invalid_request", message: sentence });
      assert.equal(logged.length, 0);
      await assert.rejects(submit(client, "bug"), { code: "internal", message: "internal error" });
      assert.equal(logged.length, 1);
    });
  });

  it("survives a refusal with half of a character in it, and one too long for a header", () => {
    const refusals = [`tenant "${"😀".slice(0, 1)}" is none`, `there is no job "${"é".repeat(90_000)}"`];
    const Submit = unary("Submit", silentLogger, async () => {
      throw new ClusterError("invalid_request", refusals.shift() ?? "no more");
    });
    return serve({ Submit }, async ({ client }) => {
      const soon = AbortSignal.timeout(5_000);
      await assert.rejects(submit(client, "p", soon), { message: 'tenant "\ufffd" is none' });
      await assert.rejects(submit(client, "p", soon), {
        code: "invalid_request",
        message: /^there is no job "é{1000,2000}…$/,
      });
      await assert.rejects(submit(client, "p", soon), { message: "no more" });
    });
  });

  it("refuses a message that is too large with RESOURCE_EXHAUSTED", () =>
    serve({ Submit: unary("Submit", silentLogger, async () => ({})) }, async ({ client }) => {
      await assert.rejects(submit(client, "x".repeat(200_000)), { code: "resource_exhausted" });
      await submit(client, "x".repeat(50_000));
    }));

  it("aborts the handler's signal when the caller leaves", async () => {
    const entered = deferred();
    const aborted = deferred();
    const handlers = {
      Submit: unary("Submit", silentLogger, async (_request, { signal }) => {
        signal.addEventListener("abort", aborted.resolve);
        entered.resolve();
        await aborted.promise;
        return {};
      }),
    };
    await serve(handlers, async ({ client, ended }) => {
      const leaving = new AbortController();
      const call = submit(client, "p", leaving.signal);
      await entered.promise;
      leaving.abort(new Error("not interested"));
      await assert.rejects(call, /not interested/);
      await aborted.promise;
      assert.deepEqual(ended, [{ method: "cogfleet.v1.Generation/Submit", code: "CANCELLED" }]);
    });
  });

  it("asks a stream for no more than its reader takes", async () => {
    let made = 0;
    const handlers = {
      Download: serverStream("Download", silentLogger, async function* () {
        for (; made < 10_000; made++) yield { data: Buffer.alloc(64_000), offset: made };
      }),
    };
    await serve(handlers, async ({ client }) => {
      const call = client.download({ jobId: "x" });
      const reading = readStream<DownloadChunk__Output>(call, neverAborts);
      await reading.next();
      let before = -1;
      // Until nothing moves any more: what is in flight then is bounded by the windows of HTTP/2, not by the stream.
      while (before !== made) {
        before = made;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(made < 200, `${made} messages were made for a reader that took one`);
      await reading.return();
    });
  });

  it("ends a stream's generator when its reader leaves", async () => {
    const left = deferred();
    const handlers = {
      Watch: serverStream("Watch", silentLogger, async function* (_request, { signal }) {
        try {
          yield { sequence: 1 };
          await orAbort(new Promise(() => {}), signal);
        } finally {
          left.resolve();
        }
      }),
    };
    await serve(handlers, async ({ client }) => {
      for await (const event of readStream<Event__Output>(client.watch({ jobId: "x" }), neverAborts)) {
        assert.equal(event.sequence, "1");
        break;
      }
      await left.promise;
    });
  });

  it("sends what a stream yielded before it failed, then the failure", () => {
    const handlers = {
      Watch: serverStream("Watch", silentLogger, async function* () {
        yield { sequence: 1 };
        throw new ClusterError("unavailable", "stopping");
      }),
    };
    return serve(handlers, async ({ client }) => {
      const seen: string[] = [];
      const reading = (async () => {
        for await (const event of readStream<Event__Output>(client.watch({ jobId: "x" }), neverAborts)) {
          seen.push(event.sequence);
        }
      })();
      await assert.rejects(reading, { code: "unavailable", message: "stopping" });
      assert.deepEqual(seen, ["1"]);
    });
  });

  it("answers health checks, for itself and for each service, until it stops", () =>
    serve({}, async ({ server }) => {
      const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
      const check = (service: string): Promise<unknown> => {
        const { path, requestSerialize, responseDeserialize } = healthMethods.get(
          "Check",
        ) as MethodDefinition<object, object>;
        return callUnary<object>(
          (done) => client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, done),
          neverAborts,
        );
      };
      assert.deepEqual(await check(""), { status: "SERVING" });
      assert.deepEqual(await check("cogfleet.v1.Generation"), { status: "SERVING" });
      await assert.rejects(check("none"));
      server.setServing(false);
      assert.deepEqual(await check("cogfleet.v1.Generation"), { status: "NOT_SERVING" });
      client.close();
    }));

  it("tells those that watch its health of each change, and ends their watches when it stops", () =>
    serve({}, async ({ server }) => {
      const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
      const { path, requestSerialize, responseDeserialize } = healthMethods.get("Watch") as MethodDefinition<
        object,
        { status: string }
      >;
      const watch = (service: string): AsyncIterator<{ status: string }> =>
        readStream<{ status: string }>(
          client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service }),
          neverAborts,
        )[Symbol.asyncIterator]();
      const watches = [watch(""), watch("cogfleet.v1.Generation")];
      const unknown = watch("none");
      const heard = () => Promise.all(watches.map(async (one) => (await one.next()).value?.status));
      assert.deepEqual(await heard(), ["SERVING", "SERVING"]);
      assert.equal((await unknown.next()).value?.status, "SERVICE_UNKNOWN");
      server.setServing(false);
      server.setServing(false);
      assert.deepEqual(await heard(), ["NOT_SERVING", "NOT_SERVING"]);
      server.setServing(true);
      assert.deepEqual(await heard(), ["SERVING", "SERVING"]);
      const stopped = server.stop(neverAborts);
      assert.deepEqual(await heard(), ["NOT_SERVING", "NOT_SERVING"]);
      assert.deepEqual(await heard(), [undefined, undefined]);
      assert.equal((await unknown.next()).done, true);
      await stopped;
      client.close();
    }));

  it("says in one sentence that a port is taken, or an address not ours", () =>
    serve({}, async ({ server }) => {
      const options = { services: [], log: silentLogger };
      await assert.rejects(startRpcServer({ ...options, host: "127.0.0.1", port: server.port }), {
        code: "invalid_config",
        message: `port ${server.port} on 127.0.0.1 is in use by another process`,
      });
      await assert.rejects(startRpcServer({ ...options, host: "192.0.2.1", port: 0 }), {
        code: "invalid_config",
        message: "cannot listen on 192.0.2.1:0: not an address of this machine",
      });
    }));

  it("waits for running calls when it stops", async () => {
    const entered = deferred();
    const release = deferred();
    const handlers = {
      Submit: unary("Submit", silentLogger, async ({ prompt }: { prompt: string }) => {
        entered.resolve();
        await release.promise;
        return { id: prompt };
      }),
    };
    await serve(handlers, async ({ server, client }) => {
      const call = submit(client, "p");
      await entered.promise;
      const stopped = server.stop(neverAborts);
      release.resolve();
      assert.equal((await call).id, "p");
      client.close();
      await stopped;
    });
  });

  it("cuts a call that does not end in time", async () => {
    const entered = deferred();
    const handlers = {
      Submit: unary("Submit", silentLogger, async () => {
        entered.resolve();
        return new Promise<object>(() => {});
      }),
    };
    await serve(handlers, async ({ server, client }) => {
      const call = assert.rejects(submit(client, "endless"), ClusterError);
      await entered.promise;
      const time = new AbortController();
      const stopped = server.stop(time.signal);
      time.abort();
      await stopped;
      await call;
    });
  });
});

describe("handlers of streams of requests", () => {
  it("may answer before the stream ends, and read as slowly as they like", async () => {
    const handlers = {
      PutArtifact: clientStream(
        "PutArtifact",
        silentLogger,
        async (chunks: AsyncIterable<{ data?: Buffer }>) => {
          for await (const chunk of chunks) {
            if (chunk.data?.byteLength === 3) throw new ClusterError("lease_lost", "enough");
          }
          return {};
        },
      ),
      Connect: bidi("Connect", silentLogger, async (messages: AsyncIterable<object>, send) => {
        for await (const _message of messages) await send({ welcome: { leaseMs: 1 } });
      }),
    };
    const server = await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [{ definition: fleetApi.Fleet.service, handlers }],
      log: silentLogger,
    });
    const client = new fleetApi.Fleet(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const put = (sizes: readonly number[]): Promise<unknown> =>
      callUnary((done) => {
        const call = client.putArtifact(done);
        for (const size of sizes) call.write({ data: Buffer.alloc(size) });
        if (!sizes.includes(3)) call.end();
        return call;
      }, neverAborts);
    assert.deepEqual(await put([1, 2]), {});
    await assert.rejects(put([1, 3]), { code: "lease_lost", message: "enough" });

    const call = client.connect();
    const replies: unknown[] = [];
    const over = new Promise((resolve) => call.on("end", resolve));
    call.on("data", (reply) => replies.push(reply));
    call.write({ heartbeat: {} });
    call.write({ heartbeat: {} });
    call.end();
    await over;
    assert.equal(replies.length, 2);
    client.close();
    await server.stop(neverAborts);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}
