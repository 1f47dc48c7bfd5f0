import { after, before, describe } from "node:test";
import { silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { RegisterLease } from "../register-lease.js";
import { blobStoreSuite } from "../testing/blob-store-suite.js";
import { jobStoreSuite } from "../testing/job-store-suite.js";
import { leaderLeaseSuite } from "../testing/leader-lease-suite.js";
import { modelStoreSuite } from "../testing/model-store-suite.js";
import { NatsServer, natsFolder, natsProgram } from "../testing/nats-servers.js";
import { type NatsStores, openNatsStores } from "./open-nats-stores.js";

const NOTHING = {
  natsCreds: "",
  natsUser: "",
  natsPassword: "",
  natsTlsCa: "",
  natsTlsCert: "",
  natsTlsKey: "",
};
const LEASE_MS = 900;

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
    async function open(natsPrefix = `s${services++}`): Promise<NatsStores & { readonly prefix: string }> {
      const config = { ...NOTHING, natsUrl: server.url, natsReplicas: "1", natsPrefix };
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

    blobStoreSuite("NatsBlobStore", async () => {
      const { blobs, close } = await open();
      return { blobs, close };
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
        pass: (ms) => systemClock.sleep(ms, AbortSignal.timeout(60_000)),
        cut: (name) => cut.add(name),
        close: async () => {
          await first.close();
        },
      };
    });
  });
}
