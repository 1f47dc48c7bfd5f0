import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, it } from "node:test";
import { ClusterError, neverAborts, silentLogger, systemClock } from "@cogfleet/core";
import { blobStoreSuite } from "../testing/blob-store-suite.js";
import {
  type NatsServer,
  natsCluster,
  natsFolder,
  natsProgram,
  OPEN_TO_ALL,
} from "../testing/nats-servers.js";
import { NatsBlobStore } from "./nats-blob-store.js";
import { NatsLink } from "./nats-link.js";

const GRACE_MS = 1_000;
const CONFIG = { replicas: 3, patienceMs: 15_000, graceMs: GRACE_MS };

describe("three NATS servers", { timeout: 120_000 }, () => {
  const { folder, remove } = natsFolder();
  let servers: NatsServer[];
  let names = 0;
  before(async () => {
    servers = await natsCluster(natsProgram(), folder);
  });
  after(async () => {
    for (const server of servers) await server.kill();
    remove();
  });

  const links: NatsLink[] = [];
  afterEach(async () => {
    for (const link of links.splice(0)) await link.close();
  });

  async function connect(): Promise<NatsLink> {
    const natsUrl = servers.map(({ url }) => url).join(",");
    const link = await NatsLink.open({ ...OPEN_TO_ALL, natsUrl }, { clock: systemClock, log: silentLogger });
    links.push(link);
    return link;
  }

  async function open(name: string): Promise<{ link: NatsLink; blobs: NatsBlobStore }> {
    const link = await connect();
    return { link, blobs: await NatsBlobStore.open(link, name, CONFIG, neverAborts) };
  }

  blobStoreSuite("NatsBlobStore on three servers", async () => {
    const { link, blobs } = await open(`suite${names++}`);
    return { blobs, close: () => link.close() };
  });

  it("are waited for while one that came back is not yet counted among them", async () => {
    const link = await connect();
    await servers[2]?.kill();
    await servers[2]?.startAgain();
    await Promise.all(
      ["late0", "late1", "late2"].map((name) => NatsBlobStore.open(link, name, CONFIG, neverAborts)),
    );
  });

  it("sweep what an upload left that was cut off, also when one of them is gone", async () => {
    const [keeper, mortal] = [await open("sweep"), await open("sweep")];
    const data = Buffer.alloc(600 * 1024, 7);
    const info = { bytes: data.byteLength, sha256: createHash("sha256").update(data).digest("hex") };
    const uploads = async (): Promise<number> => {
      const chunks = { subjects_filter: "$O.sweep.C.>" };
      const { state } = await keeper.link.jsm.streams.info("OBJ_sweep", chunks);
      return Object.keys(state.subjects ?? {}).length;
    };
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield data.subarray(0, 300 * 1024);
      while ((await uploads()) < 2) await systemClock.sleep(20, neverAborts);
      await mortal.link.close();
      throw new Error("the process died");
    }
    await keeper.blobs.put("whole", [data], info, neverAborts);
    await assert.rejects(mortal.blobs.put("cut", cut(), info, neverAborts), /the process died/);
    await servers[0]?.kill();
    await systemClock.sleep(GRACE_MS + 100, AbortSignal.timeout(60_000));
    // An upload is made anew when one fails, as while the two that are left elect their leaders.
    const deadline = AbortSignal.timeout(30_000);
    for (let isStored = false; !isStored; ) {
      isStored = await keeper.blobs.put("later", [data], info, deadline).then(
        () => true,
        (reason: unknown) => {
          if (ClusterError.from(reason).code !== "unavailable") throw reason;
          return false;
        },
      );
    }
    await systemClock.sleep(GRACE_MS + 100, deadline); // what was cut off just now is left over, too
    assert.ok((await keeper.blobs.sweep(neverAborts)) >= 1);
    assert.equal(await keeper.blobs.sweep(neverAborts), 0);
    assert.equal(await uploads(), 2);
    for (const key of ["whole", "later"]) {
      const read: Uint8Array[] = [];
      for await (const part of keeper.blobs.get(key, 0, neverAborts)) read.push(part);
      assert.deepEqual(Buffer.concat(read), data);
    }
  });
});
