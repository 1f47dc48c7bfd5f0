import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { type Clock, neverAborts, orAbort, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { RegisterLease } from "../register-lease.js";
import { blobStoreSuite } from "../testing/blob-store-suite.js";
import { jobStoreSuite } from "../testing/job-store-suite.js";
import { leaderLeaseSuite, realTime } from "../testing/leader-lease-suite.js";
import { modelStoreSuite } from "../testing/model-store-suite.js";
import { NatsServer, natsFolder, natsProgram, OPEN_TO_ALL } from "../testing/nats-servers.js";
import { sampleJob } from "../testing/sample-jobs.js";
import { Bucket } from "./bucket.js";
import { NatsBlobStore } from "./nats-blob-store.js";
import { NatsLink } from "./nats-link.js";
import { type NatsStores, openNatsStores } from "./open-nats-stores.js";

// No less: a machine that stands still for a good part of it has the leader deposed, or an upload taken for cut off.
const LEASE_MS = 2_400;
const GRACE_MS = 5_000;

for (const which of ["oldest", "newest"] as const) {
  const program = natsProgram(which);
  describe(`NATS ${program.version}`, () => {
    const { folder, remove } = natsFolder();
    let server: NatsServer;
    let services = 0;
    before(async () => {
      server = await NatsServer.start({ program, folder });
    });
    after(async () => {
      await server.kill();
      remove();
    });

    /** Stores of a service of its own, or of one that is there. */
    async function open(
      natsPrefix = `s${services++}`,
      natsUrl = server.url,
    ): Promise<NatsStores & { readonly prefix: string }> {
      const config = { ...OPEN_TO_ALL, natsUrl, natsReplicas: "1", natsPrefix };
      const deps = { clock: systemClock, random: systemRandom, log: silentLogger, onDamage: () => {} };
      return { ...(await openNatsStores(config, deps)), prefix: natsPrefix };
    }

    jobStoreSuite("NatsJobStore", async () => {
      let stores = await open();
      return {
        store: stores.jobs,
        close: () => stores.close(),
        reopen: async () => {
          await stores.close();
          stores = await open(stores.prefix);
          return stores.jobs;
        },
      };
    });

    it("end what follows them at whatever moment they are told to", { timeout: 60_000 }, async () => {
      const link = await NatsLink.open(
        { ...OPEN_TO_ALL, natsUrl: server.url },
        { clock: systemClock, log: silentLogger },
      );
      const bucket = await Bucket.open(link, `follow-${which}`, 1, 5_000, neverAborts);
      const follow = async (signal: AbortSignal): Promise<void> => {
        for await (const change of bucket.follow(0, signal)) assert.equal(change, undefined);
      };
      for (let turns = 0; turns < 40; turns++) {
        const told = new AbortController();
        const following = follow(told.signal);
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        told.abort();
        await following;
      }
      await link.close();
    });

    for (const left of [["a"], []])
      it(`fail once NATS has ${left.length} of 2 jobs that it acknowledged, not when it was away`, {
        timeout: 60_000,
      }, async () => {
        const own = join(folder, `own${left.length}`);
        const [store, copy] = [join(own, "store"), join(own, "copy")];
        const mortal = await NatsServer.start({ program, folder: own });
        const stores = await open("own", mortal.url);
        const create = async (id: string): Promise<void> => {
          const { job, event } = sampleJob(id);
          await stores.jobs.create(job, [event], neverAborts);
        };
        try {
          await create("a");
          await mortal.kill();
          if (left.length > 0) cpSync(store, copy, { recursive: true });
          await mortal.startAgain();
          await create("b");
          assert.equal(stores.failed.aborted, false);
          await mortal.kill();
          rmSync(store, { recursive: true });
          if (left.length > 0) renameSync(copy, store);
          await mortal.startAgain();
          await assert.rejects(orAbort(new Promise(() => {}), stores.failed), {
            code: "data_loss",
            message: /NATS lost what it had acknowledged/,
          });
        } finally {
          await stores.close();
          await mortal.kill();
        }
        const server = await NatsServer.start({ program, folder: own });
        const again = await open("own", server.url);
        const jobs = await again.jobs.list(
          { states: [], labels: {}, before: undefined, limit: 10 },
          neverAborts,
        );
        assert.deepEqual(
          jobs.map(({ job }) => job.id),
          left,
        );
        await again.close();
        await server.kill();
      });

    blobStoreSuite("NatsBlobStore", async () => {
      const { blobs, close } = await open();
      return { blobs, close };
    });

    describe("NatsBlobStore", () => {
      const piece = Buffer.alloc(256 * 1024, 7);
      const whole = Buffer.alloc(5 * piece.byteLength, 7);
      const info = { bytes: whole.byteLength, sha256: createHash("sha256").update(whole).digest("hex") };

      const links: NatsLink[] = [];
      afterEach(async () => {
        for (const link of links.splice(0)) await link.close();
      });

      async function connect(name: string, clock: Clock = systemClock) {
        const settings = { ...OPEN_TO_ALL, natsUrl: server.url };
        const link = await NatsLink.open(settings, { clock, log: silentLogger });
        links.push(link);
        const config = { replicas: 1, patienceMs: 5_000, graceMs: GRACE_MS };
        return { link, blobs: await NatsBlobStore.open(link, name, config, neverAborts) };
      }

      /** The whole, which waits for `meanwhile` when some of it is stored. */
      async function* pieces(meanwhile: () => Promise<void>): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < whole.byteLength; at += piece.byteLength) {
          if (at + piece.byteLength === whole.byteLength) await meanwhile();
          yield piece;
        }
      }

      it("sweeps what uploads left that were cut off, not whole blobs nor uploads under way", async () => {
        const name = `sweep-${which}`;
        const { link, blobs } = await connect(name);
        const uploads = async (): Promise<number> => {
          const chunks = { subjects_filter: `$O.${name}.C.>` };
          const { state } = await link.jsm.streams.info(`OBJ_${name}`, chunks);
          return Object.keys(state.subjects ?? {}).length;
        };
        await blobs.put("whole", [whole], info, neverAborts);
        const mortal = await connect(name);
        const cut = pieces(async () => {
          assert.equal(await blobs.sweep(neverAborts), 0);
          await mortal.link.close();
          throw new Error("the process died");
        });
        await assert.rejects(mortal.blobs.put("cut", cut, info, neverAborts), /the process died/);
        assert.equal(await uploads(), 2);

        await systemClock.sleep(GRACE_MS + 100, AbortSignal.timeout(60_000));
        const underWay = pieces(async () => {
          assert.equal(await uploads(), 3);
          assert.equal(await blobs.sweep(neverAborts), 1);
          assert.equal(await uploads(), 2);
        });
        await blobs.put("under way", underWay, info, neverAborts);
        for (const key of ["whole", "under way"]) {
          const read: Uint8Array[] = [];
          for await (const part of blobs.get(key, 0, neverAborts)) read.push(part);
          assert.deepEqual(Buffer.concat(read), whole);
        }
      });

      it("does not finish an upload that stood still until a sweep might have taken it", async () => {
        const clock = new ManualClock();
        const { blobs } = await connect(`still-${which}`, clock);
        const still = pieces(() => clock.advance(GRACE_MS));
        await assert.rejects(blobs.put("still", still, info, neverAborts), { code: "unavailable" });
        assert.equal(await blobs.stat("still", neverAborts), undefined);
      });
    });

    modelStoreSuite("NatsModelStore", async () => {
      let stores = await open();
      return {
        store: stores.models,
        close: () => stores.close(),
        reopen: async () => {
          await stores.close();
          stores = await open(stores.prefix);
          return stores.models;
        },
      };
    });

    leaderLeaseSuite("RegisterLease on NATS", async () => {
      const first = await open();
      const cut = new Set<string>();
      return {
        leaseMs: LEASE_MS,
        contender: (name) => {
          const register: NatsStores["shared"]["lease"] = {
            read: (signal) => {
              if (cut.has(name)) throw new Error("cut off");
              return first.shared.lease.read(signal);
            },
            write: (record, revision, signal) => {
              if (cut.has(name)) throw new Error("cut off");
              return first.shared.lease.write(record, revision, signal);
            },
          };
          const deps = { register, clock: systemClock, log: silentLogger };
          return new RegisterLease(deps, { holder: name, address: name, leaseMs: LEASE_MS });
        },
        ...realTime,
        cut: (name) => cut.add(name),
        close: async () => {
          await first.close();
        },
      };
    });
  });
}
