// Defects put around the code under test, each of which breaks a promise: what the checks are worth.
import type { StoredJob, Stores } from "@cogfleet/coordinator/testing/domain.js";
import { neverAborts } from "@cogfleet/core";
import type { Command, FleetConnection } from "@cogfleet/worker/testing/domain.js";
import { check, type Violation } from "./checks.js";
import type { ClusterDeps } from "./cluster.js";
import { scenarioOf, simulate } from "./simulation.js";

type Bend = ClusterDeps["bend"];
type SimStores = Omit<Stores, "close">;

/** Each makes a defect anew for a run, as some remember things. */
export const MUTANTS: Readonly<Record<string, () => Bend>> = {
  "a store that acknowledges before it writes": () => ({
    stores: (stores, process) =>
      withJobs(stores, {
        create: async (job, events, signal) => {
          process.after(400, () => void stores.jobs.create(job, events, neverAborts).catch(() => {}));
          signal.throwIfAborted();
          return { isNew: true, stored: { job, order: process.clock.now(), revision: 0 } };
        },
      }),
  }),
  "a store that replaces whatever is there": () => ({
    stores: (stores) =>
      withJobs(stores, {
        update: async (job, _revision, events, signal) => {
          const newest = await stores.jobs.get(job.id, signal);
          return newest && stores.jobs.update(job, newest.revision, events, signal);
        },
      }),
  }),
  "a store that reads what it has at hand": () => ({
    stores: (stores) =>
      withJobs(stores, {
        get: async (jobId, signal) => stores.jobs.recall(jobId) ?? stores.jobs.get(jobId, signal),
      }),
  }),
  "a disk that loses the newest job with the power, though it was synced": () => ({
    disk: (disk) => {
      let newest: string | undefined;
      disk.jobs.onAnyChange((jobId, stored) => {
        if (stored?.job.lastSequence === 1) newest = jobId;
      });
      return withMethods(disk, {
        losePower: (...args: Parameters<typeof disk.losePower>) => {
          disk.losePower(...args);
          if (newest !== undefined) void disk.jobs.delete(newest, neverAborts);
        },
      });
    },
  }),
  "a leader that goes on when another one leads": () => ({
    stores: (stores) => {
      const terms = new Map<string, number>();
      const withoutTerm = (stored: StoredJob | undefined): StoredJob | undefined => {
        if (stored === undefined) return undefined;
        terms.set(stored.job.id, stored.job.term);
        return { ...stored, job: { ...stored.job, term: 0 } };
      };
      const { shared } = stores;
      let held: string | undefined;
      const lease = shared && {
        ...shared.lease,
        write: async (...args: Parameters<typeof shared.lease.write>) => {
          held = (await shared.lease.write(...args)) ?? held;
          return held;
        },
      };
      const blind = withJobs(stores, {
        get: async (...args) => withoutTerm(await stores.jobs.get(...args)),
        recall: (jobId) => withoutTerm(stores.jobs.recall(jobId)),
        // Who does not lead leaves the term of a job as it is.
        update: (job, ...args) =>
          stores.jobs.update({ ...job, term: job.term || (terms.get(job.id) ?? 0) }, ...args),
      });
      return { ...blind, shared: shared && lease && { ...shared, lease } };
    },
  }),
  "a store that forgets idempotency keys": () => ({
    stores: (stores) =>
      withJobs(stores, {
        findByIdempotencyKey: async () => undefined,
        create: (job, events, signal) =>
          stores.jobs.create(
            { ...job, request: { ...job.request, idempotencyKey: undefined } },
            events,
            signal,
          ),
      }),
  }),
  "a store that never stores a video": () => ({
    stores: (stores) => {
      const told = new Map<string, { bytes: number; sha256: string }>();
      const blobs: SimStores["blobs"] = {
        put: async (key, data, expected, signal) => {
          if (!key.endsWith("/video")) return stores.blobs.put(key, data, expected, signal);
          for await (const _ of data);
          told.set(key, expected);
        },
        stat: async (key, signal) => told.get(key) ?? stores.blobs.stat(key, signal),
        get: (...args) => stores.blobs.get(...args),
        keys: (...args) => stores.blobs.keys(...args),
        delete: (...args) => stores.blobs.delete(...args),
      };
      return { ...stores, blobs };
    },
  }),
  "a coordinator that does not look at epochs": () => ({
    coordinator: (coordinator) => ({
      ...coordinator,
      fleet: withMethods(coordinator.fleet, {
        connect: (...args: Parameters<typeof coordinator.fleet.connect>) => {
          const session = coordinator.fleet.connect(...args);
          return {
            end: (isOurEnd: boolean) => session.end(isOurEnd),
            receive: async (report: Parameters<typeof session.receive>[0]) => {
              if (!("epoch" in report)) return session.receive(report);
              const job = await coordinator.jobs.get(report.jobId, neverAborts).catch(() => undefined);
              return session.receive({ ...report, epoch: job?.epoch ?? report.epoch });
            },
          };
        },
      }),
    }),
  }),
  "a coordinator that watches over nothing": () => ({
    coordinator: (coordinator) => ({ ...coordinator, watch: async () => {} }),
  }),
  "a coordinator whose clock is the one on the wall": () => ({
    clock: (clock) => ({ ...clock, now: () => clock.wallTime() }),
  }),
  "a coordinator without a limit": () => ({ config: (config) => ({ ...config, maxQueued: 1e9 }) }),
  "a coordinator that takes anything": () => ({
    coordinator: (coordinator) => ({
      ...coordinator,
      jobs: withMethods(coordinator.jobs, {
        submit: (body: Parameters<typeof coordinator.jobs.submit>[0], signal: AbortSignal) =>
          coordinator.jobs.submit(
            { ...body, numInferenceSteps: Math.abs(body.numInferenceSteps ?? 3) },
            signal,
          ),
      }),
    }),
  }),
  "a watch that begins anew": () => ({
    coordinator: (coordinator) => ({
      ...coordinator,
      jobs: withMethods(coordinator.jobs, {
        watch: (jobId: string, _after: number, signal: AbortSignal) =>
          coordinator.jobs.watch(jobId, 0, signal),
      }),
    }),
  }),
  "a worker that reports steps before they are stored": () => ({
    link: (link, process) => ({
      ...link,
      putCheckpoint: async (...args) => {
        process.after(1_500, () => void link.putCheckpoint(...args).catch(() => {}));
      },
    }),
  }),
  "a worker that goes on from another job's state": () => {
    const states: Uint8Array[] = [];
    return {
      link: (link) => ({
        ...link,
        putCheckpoint: (id, checkpoint, data, signal) => {
          states.push(data.slice());
          return link.putCheckpoint(id, checkpoint, data, signal);
        },
        getCheckpoint: async (id, signal) => {
          const own = await link.getCheckpoint(id, signal);
          return states[0] ?? own;
        },
      }),
    };
  },
  "a worker that does not hear of cancels": () => ({
    link: (link) => ({ ...link, commands: withoutCancels(link) }),
  }),
};

/** Those that show in the first seeds: the others are left to `npm run simulate -- --mutants`. */
export const PLAIN: readonly string[] = [
  "a store that acknowledges before it writes",
  "a store that forgets idempotency keys",
  "a store that never stores a video",
  "a coordinator that takes anything",
  "a worker that reports steps before they are stored",
];

/** The first seed, of so many, in which the checks notice; undefined: they do not. */
export async function caught(
  mutant: string,
  seeds: number,
): Promise<{ readonly seed: number; readonly violation: Violation } | undefined> {
  const bend = MUTANTS[mutant];
  for (let seed = 1; seed <= seeds; seed++) {
    const [violation] = check(await simulate(scenarioOf(seed), bend?.()));
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}

async function* withoutCancels(link: FleetConnection): AsyncGenerator<Command> {
  for await (const command of link.commands) if (command.kind !== "cancel") yield command;
}

function withJobs(stores: SimStores, over: Partial<SimStores["jobs"]>): SimStores {
  return { ...stores, jobs: withMethods(stores.jobs, over) };
}

/** An object whose methods are those of another one, but for some. */
function withMethods<T extends object>(object: T, over: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(object, {
    get(target, name) {
      const own: unknown = Reflect.get(over, name) ?? Reflect.get(target, name, target);
      return typeof own === "function" && !(name in over) ? own.bind(target) : own;
    },
  });
}
