import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { ClusterError, neverAborts, systemClock } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { whole } from "@cogfleet/parallel";
import { exchangeApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Beat } from "@cogfleet/proto/gen/cogfleet/v1/Beat";
import type { TensorFrame } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import {
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import {
  type LocalGroup,
  type LocalRank,
  startLocalGroup as startGroup,
  startLocalRank as startRank,
} from "./testing/local-group.js";

const QUICK = { beatMs: 20, sharedMemoryBytes: 0 };

// Whatever a test started is stopped after it, also when it failed.
let started: { stop(): Promise<void> }[] = [];

async function startLocalRank(...options: Parameters<typeof startRank>): Promise<LocalRank> {
  const rank = await startRank(...options);
  started.push(rank);
  return rank;
}

async function startLocalGroup(...options: Parameters<typeof startGroup>): Promise<LocalGroup> {
  const group = await startGroup(...options);
  started.push({ stop: () => group.close() });
  return group;
}

/** A wire that can be cut without either end being told: what a pulled cable or a dead host looks like. */
async function startWire(target: string): Promise<{ readonly address: string; cut(): void; close(): void }> {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {}); // it is being closed
    }
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const own = server.address();
  assert.ok(typeof own === "object" && own !== null);
  return {
    address: `127.0.0.1:${own.port}`,
    cut: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe("a group over gRPC whose parts fail", { timeout: 60_000 }, () => {
  afterEach(async () => {
    await Promise.all(started.map((thing) => thing.stop()));
    started = [];
  });

  it("notices a peer that falls silent without closing its connection", async () => {
    const clock = new ManualClock();
    const [near, far] = [await startLocalRank(QUICK, clock), await startLocalRank(QUICK, systemClock)];
    const wire = await startWire(far.address);
    const addresses = [near.address, wire.address];
    const here = near.exchange.join({ jobId: "job", epoch: 1, rank: 0, addresses });
    const there = far.exchange.join({
      jobId: "job",
      epoch: 1,
      rank: 1,
      addresses: [near.address, far.address],
    });
    await here.joined(neverAborts);
    const waiting = here.recv(1, "t", [whole(new Uint8Array(1))], neverAborts);
    const ends = assert.rejects(waiting, {
      code: "peer_lost",
      message: /rank 1 .* no sign of life for 2500 ms/,
    });
    wire.cut();
    // A beat that was on its way may still come, and the silence begins after it.
    for (let ms = 0; ms < 3 * 2_500 && !here.ended.aborted; ms += 500) await clock.advance(500);
    await ends;
    assert.equal(here.ended.aborted, true);
    wire.close();
    await Promise.all([here.close(), there.close()]);
    await Promise.all([near.stop(), far.stop()]);
  });

  it("gives up on a peer that never joins", async () => {
    const clock = new ManualClock();
    const [near, far] = [await startLocalRank(QUICK, clock), await startLocalRank(QUICK)];
    const addresses = [near.address, far.address];
    const here = near.exchange.join({ jobId: "job", epoch: 1, rank: 0, addresses });
    const joined = assert.rejects(here.joined(neverAborts), { code: "peer_lost", message: /has not joined/ });
    await clock.advance(10_001);
    await joined;
    await here.close();
    await Promise.all([near.stop(), far.stop()]);
  });

  it("tells every rank which one failed, and of what", async () => {
    const { groups, close } = await startLocalGroup(3, QUICK);
    await Promise.all(groups.map((group) => group.joined(neverAborts)));
    const [zero, one, two] = groups;
    assert.ok(zero && one && two);
    // Rank 0 waits for rank 1, not for the one that fails.
    const waiting = zero.recv(1, "t", [whole(new Uint8Array(1))], neverAborts);
    const ends = assert.rejects(waiting, {
      code: "peer_lost",
      message: /rank 2 failed: out_of_memory: 3 GB wanted/,
      details: { rank: 2 },
    });
    await two.close(new ClusterError("out_of_memory", "3 GB wanted"));
    await ends;
    await close();
  });

  it("refuses a rank of an epoch that is over", async () => {
    const ranks = [await startLocalRank(QUICK), await startLocalRank(QUICK)];
    const [near, far] = ranks;
    assert.ok(near && far);
    const addresses = ranks.map(({ address }) => address);
    const stale = near.exchange.join({ jobId: "job", epoch: 1, rank: 0, addresses });
    const fresh = far.exchange.join({ jobId: "job", epoch: 2, rank: 1, addresses });
    await assert.rejects(stale.joined(neverAborts), { code: "lease_lost", message: /epoch 1 .* is over/ });
    await assert.rejects(stale.recv(1, "t", [], neverAborts), { code: "lease_lost" });
    await Promise.all([stale.close(), fresh.close()]);
    // The process of the stale rank joins the new epoch, and all is well.
    const again = near.exchange.join({ jobId: "job", epoch: 3, rank: 0, addresses });
    const other = far.exchange.join({ jobId: "job", epoch: 3, rank: 1, addresses });
    await Promise.all([again.joined(neverAborts), other.joined(neverAborts)]);
    await Promise.all([again.close(), other.close()]);
    await Promise.all(ranks.map((rank) => rank.stop()));
  });

  it("refuses requests that are not for it", async () => {
    const { ranks, groups, close } = await startLocalGroup(2, QUICK);
    const [{ address } = { address: "" }] = ranks;
    const client = new exchangeApi.Exchange(address, credentials.createInsecure());
    const good = {
      protocolVersion: PROTOCOL_VERSION,
      jobId: "job",
      epoch: 1,
      fromRank: 0,
      toRank: 1,
      tag: "t",
      totalBytes: 1,
    };
    const cases = [
      [{ protocolVersion: 99 }, status.FAILED_PRECONDITION],
      [{ jobId: "" }, status.INVALID_ARGUMENT],
      [{ fromRank: 1 }, status.INVALID_ARGUMENT],
      [{ toRank: 2 }, status.INVALID_ARGUMENT],
      [{ toRank: 0 }, status.INVALID_ARGUMENT],
      [{ epoch: "18446744073709551615" }, status.INVALID_ARGUMENT],
      [{ epoch: 0 }, status.ABORTED],
    ] as const;
    for (const [change, expected] of cases) {
      const call = client.Pull({ ...good, ...change }).resume();
      const [error] = (await once(call, "error")) as [ServiceError];
      assert.equal(error.code, expected, JSON.stringify(change));
    }
    client.close();
    assert.equal(
      groups.every((group) => !group.ended.aborted),
      true,
    );
    await close();
  });

  it("breaks off a transfer that stops in the middle, though the peer still lives", async () => {
    const clock = new ManualClock();
    const near = await startLocalRank({ ...QUICK, transferIdleMs: 1_000 }, clock);
    const stuck = await startStuckPeer();
    const addresses = [near.address, stuck.address];
    const here = near.exchange.join({ jobId: "job", epoch: 1, rank: 0, addresses });
    await here.joined(neverAborts);
    const sleeping = clock.sleeping;
    const got = assert.rejects(here.recv(1, "t", [whole(new Uint8Array(1))], neverAborts), {
      code: "peer_lost",
      message: /rank 1 .* nothing of t came for 1000 ms/,
    });
    while (clock.sleeping === sleeping) await new Promise(setImmediate); // until it has begun to come
    await clock.advance(1_001);
    await got;
    await here.close();
    stuck.stop();
    await near.stop();
  });

  it("ends a receive whose sender takes the message back and leaves", async () => {
    const { groups, close } = await startLocalGroup(2, { ...QUICK, frameBytes: 64 * 1024 });
    const [zero, one] = groups;
    assert.ok(zero && one);
    const data = new Uint8Array(64 * 1024 * 1024);
    const stop = new AbortController();
    const why = new ClusterError("cancelled", "the job was cancelled");
    const sent = assert.rejects(one.send(0, "t", [whole(data)], stop.signal), why);
    const got = assert.rejects(zero.recv(1, "t", [whole(new Uint8Array(data.length))], neverAborts), {
      code: "peer_lost",
    });
    stop.abort(why);
    await sent;
    await one.close(why);
    await got;
    await close();
  });
});

/** A peer that joins, begins to send, and sends nothing. */
async function startStuckPeer(): Promise<{ readonly address: string; stop(): void }> {
  const server = new Server();
  server.addService(exchangeApi.Exchange.service, {
    WatchRank: (call: ServerWritableStream<unknown, Beat>) => void call.write({}),
    Pull: (call: ServerWritableStream<unknown, TensorFrame>) => call.sendMetadata(new Metadata()),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
