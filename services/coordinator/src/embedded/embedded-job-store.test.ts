import assert from "node:assert/strict";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ClusterError, type Logger, neverAborts, silentLogger } from "@cogfleet/core";
import { ClassicLevel } from "classic-level";
import { eventOf, type Job } from "../job.js";
import type { JobQuery } from "../job-store.js";
import { Reconciler } from "../reconciler.js";
import { sealRecord } from "../record.js";
import { House } from "../testing/house.js";
import { jobStoreSuite } from "../testing/job-store-suite.js";
import { sampleJob, sampleModel } from "../testing/sample-jobs.js";
import { Database } from "./database.js";
import { type EmbeddedStores, openEmbeddedStores } from "./open-embedded-stores.js";

const root = mkdtempSync(join(tmpdir(), "cogfleet-jobs-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

const ALL: JobQuery = { states: [], labels: {}, before: undefined, limit: 1000 };

function newFolder(): string {
  folders += 1;
  return join(root, String(folders));
}

/** What was reported as damaged, by message. */
interface Opened extends EmbeddedStores {
  readonly errors: string[];
  readonly damaged: () => number;
}

async function open(folder: string): Promise<Opened> {
  const errors: string[] = [];
  let damaged = 0;
  const log: Logger = { ...silentLogger, error: (_fields, message) => errors.push(message) };
  const stores = await openEmbeddedStores(folder, {
    log,
    onDamage: () => {
      damaged += 1;
    },
  });
  return { ...stores, errors, damaged: () => damaged };
}

jobStoreSuite("EmbeddedJobStore", async () => {
  const folder = newFolder();
  let stores = await open(folder);
  return {
    store: stores.jobs,
    close: () => stores.close(),
    reopen: async () => {
      await stores.close();
      stores = await open(folder);
      assert.deepEqual(stores.errors, []);
      return stores.jobs;
    },
  };
});

/** Changes the database behind the store's back. */
async function tamper(folder: string, change: (level: ClassicLevel<string, Buffer>) => Promise<void>) {
  const level = new ClassicLevel<string, Buffer>(join(folder, "jobs"), { valueEncoding: "buffer" });
  await change(level);
  await level.close();
}

async function flip(level: ClassicLevel<string, Buffer>, key: string): Promise<void> {
  const record = await level.get(key);
  assert.ok(record, `${key} is not there`);
  const at = record.length >> 1;
  record.writeUInt8(record.readUInt8(at) ^ 4, at);
  await level.put(key, record);
}

async function withThreeJobs(): Promise<string> {
  const folder = newFolder();
  const stores = await open(folder);
  for (const id of ["a", "b", "c"]) {
    const { job, event } = sampleJob(id, { idempotencyKey: `key of ${id}` });
    await stores.jobs.create(job, [event], neverAborts);
  }
  await stores.close();
  return folder;
}

describe("EmbeddedJobStore", () => {
  it("refuses a folder that is in use, in one sentence", async () => {
    const folder = newFolder();
    const first = await open(folder);
    await assert.rejects(open(folder), (error) => {
      assert.ok(error instanceof ClusterError && error.code === "invalid_config");
      assert.match(
        error.message,
        /^data folder \S+ is in use by another coordinator: stop it, or give another/,
      );
      return true;
    });
    await first.close();
    await (await open(folder)).close();
  });

  it("refuses a folder that a later release wrote", async () => {
    const folder = await withThreeJobs();
    await tamper(folder, (level) => level.put("meta!format", Buffer.from("2")));
    await assert.rejects(
      open(folder),
      (error) =>
        error instanceof ClusterError && error.code === "unsupported" && /in format 2,/.test(error.message),
    );
  });

  it("sets a damaged job aside, says so, and serves the others", async () => {
    const folder = await withThreeJobs();
    await tamper(folder, (level) => flip(level, "job!b"));
    for (const isFirst of [true, false]) {
      const stores = await open(folder);
      const jobs = await stores.jobs.list(ALL, neverAborts);
      assert.deepEqual(
        jobs.map(({ job }) => job.id),
        ["c", "a"],
      );
      await assert.rejects(
        stores.jobs.get("b", neverAborts),
        (error) => error instanceof ClusterError && error.code === "data_loss",
      );
      assert.deepEqual(stores.errors, isFirst ? ["damaged record set aside"] : []);
      assert.equal(stores.damaged(), isFirst ? 1 : 0);
      await stores.close();
    }
    await tamper(folder, async (level) => assert.ok(await level.get("aside!job!b")));
  });

  it("gives the key of a damaged job to the next that asks for it", async () => {
    const folder = await withThreeJobs();
    await tamper(folder, (level) => flip(level, "job!b"));
    const stores = await open(folder);
    const { job, event } = sampleJob("d", { idempotencyKey: "key of b" });
    assert.equal((await stores.jobs.create(job, [event], neverAborts)).isNew, true);
    assert.equal((await stores.jobs.findByIdempotencyKey("default", "key of b", neverAborts))?.job.id, "d");
    assert.deepEqual(stores.errors, ["damaged record set aside"]);
    await stores.close();
  });

  it("opens what a release without tenants wrote", async () => {
    const folder = newFolder();
    const stores = await open(folder);
    const { job, event } = sampleJob("a", { idempotencyKey: "k" });
    const { tenant, deadline, maxRunSeconds, ...request } = job.request;
    const { ranMs, term, nextRanks, ...rest } = job;
    await stores.jobs.create(job, [event], neverAborts);
    await stores.close();
    await tamper(folder, (level) =>
      level.put("job!a", sealRecord({ job: { ...rest, request }, order: 1, revision: 1 })),
    );
    const again = await open(folder);
    const expected = { job, order: 1, revision: 1 };
    assert.deepEqual(await again.jobs.get("a", neverAborts), expected);
    assert.deepEqual(await again.jobs.findByIdempotencyKey(tenant, "k", neverAborts), expected);
    assert.deepEqual(await again.jobs.list(ALL, neverAborts), [expected]);
    assert.deepEqual(
      [deadline, maxRunSeconds, nextRanks, term, ranMs],
      [undefined, undefined, undefined, 0, { earlier: 0, current: 0 }],
    );
    await again.close();
  });

  it("leaves a damaged event out of a history", async () => {
    const folder = newFolder();
    const stores = await open(folder);
    const { job, event } = sampleJob("a");
    const { stored } = await stores.jobs.create(job, [event], neverAborts);
    const later: Job = { ...job, lastSequence: 3 };
    const events = [2, 3].map((lastSequence) => eventOf({ ...job, lastSequence }, 1));
    await stores.jobs.update(later, stored.revision, events, neverAborts);
    await stores.close();
    await tamper(folder, (level) => flip(level, "event!a!0000000000000002"));
    const again = await open(folder);
    const sequences = (await again.jobs.events("a", 0, 10, neverAborts)).map(({ sequence }) => sequence);
    assert.deepEqual(sequences, [1, 3]);
    assert.equal(again.damaged(), 1);
    await again.close();
  });

  it("reports once that jobs have gone missing", async () => {
    const folder = await withThreeJobs();
    await tamper(folder, async (level) => {
      await level.del("job!b");
      await level.del("state!queued!0000000000000002");
    });
    for (const expected of [["jobs are missing from the database: it was damaged"], []]) {
      const stores = await open(folder);
      assert.deepEqual(stores.errors, expected);
      await stores.close();
    }
  });

  it("counts as missing neither what was deleted nor what was set aside", async () => {
    const folder = await withThreeJobs();
    await tamper(folder, (level) => flip(level, "job!c"));
    const stores = await open(folder);
    await stores.jobs.delete("a", neverAborts);
    await stores.jobs.list(ALL, neverAborts);
    await stores.close();
    const again = await open(folder);
    assert.deepEqual(again.errors, []);
    await again.close();
  });

  /** Enough that the journal has several blocks. */
  async function withManyJobs(count: number): Promise<string> {
    const folder = newFolder();
    const stores = await open(folder);
    const prompt = "x".repeat(1000);
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const { job, event } = sampleJob(`j${i}`, { prompt });
        await stores.jobs.create(job, [event], neverAborts);
      }),
    );
    await stores.close();
    return folder;
  }

  function fileOf(folder: string, pattern: RegExp): string {
    const name = readdirSync(join(folder, "jobs")).find((file) => pattern.test(file));
    assert.ok(name, `no file like ${pattern}`);
    return join(folder, "jobs", name);
  }

  it("opens with a damaged journal, reports the loss once and serves the rest", async () => {
    const folder = newFolder();
    const stores = await open(folder);
    for (let i = 0; i < 100; i++) {
      const { job, event } = sampleJob(`j${i}`, { prompt: "x".repeat(1000) });
      await stores.jobs.create(job, [event], neverAborts);
    }
    await stores.close();
    const journal = fileOf(folder, /\.log$/);
    const bytes = readFileSync(journal);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 255, bytes.length >> 1);
    writeFileSync(journal, bytes);
    const damaged = await open(folder);
    assert.ok(damaged.errors.includes("damaged part of the journal was dropped"), damaged.errors.join());
    assert.ok(damaged.errors.includes("jobs are missing from the database: it was damaged"));
    const left = await damaged.jobs.list(ALL, neverAborts);
    assert.ok(left.length >= 50 && left.length < 100, `${left.length} are left`);
    await damaged.close();
    const again = await open(folder);
    assert.deepEqual(again.errors, []);
    await again.close();
  });

  it("opens when the last write was cut short, as by a kill", async () => {
    const folder = await withManyJobs(1);
    const stores = await open(folder);
    const { job, event } = sampleJob("last");
    await stores.jobs.create(job, [event], neverAborts);
    await stores.close();
    const journal = fileOf(folder, /\.log$/);
    truncateSync(journal, statSync(journal).size - 1);
    const again = await open(folder);
    assert.deepEqual(again.errors, []);
    assert.deepEqual(
      (await again.jobs.list(ALL, neverAborts)).map((stored) => stored.job.id),
      ["j0"],
    );
    await again.close();
  });

  it("rebuilds the database when its table of contents is damaged", async () => {
    const folder = await withManyJobs(100);
    writeFileSync(join(folder, "jobs", "CURRENT"), "MANIFEST-of-nothing");
    const stores = await open(folder);
    assert.deepEqual(stores.errors, ["database is damaged: it is rebuilt from its tables"]);
    assert.equal((await stores.jobs.list(ALL, neverAborts)).length, 100);
    await stores.close();
  });

  it("goes on after a write that failed", async () => {
    const folder = newFolder();
    const database = await Database.open(folder, { log: silentLogger, onDamage: () => {} });
    const put = (value: unknown) => [{ type: "put", key: "k", value: value as Buffer }] as const;
    await database.write(put(Buffer.from("one")));
    await assert.rejects(
      database.write(put(undefined)), // what LevelDB refuses, in place of a full disk
      (error) => error instanceof ClusterError && error.code === "unavailable",
    );
    await database.write(put(Buffer.from("two")));
    assert.equal((await database.use((level) => level.get("k")))?.toString(), "two");
    await database.close();
  });

  it("stays closed, whoever still asks", async () => {
    const folder = newFolder();
    const stores = await open(folder);
    await stores.close();
    const { job, event } = sampleJob("a");
    for (const call of [stores.jobs.get("a", neverAborts), stores.jobs.create(job, [event], neverAborts)])
      await assert.rejects(call, (error) => error instanceof ClusterError && error.code === "unavailable");
    await (await open(folder)).close();
  });

  it("takes up ten thousand jobs in their order", async () => {
    const folder = await withManyJobs(10_000);
    const stores = await open(folder);
    const house = new House({ store: stores.jobs });
    await new Reconciler({ ...house, log: silentLogger }).begin("it was started again", neverAborts);
    assert.equal(house.dispatcher.queue.size, 10_000);
    const lanes = [...house.dispatcher.queue.lanesOf("default")];
    const orders = lanes.flatMap(({ jobs }) =>
      Array.from({ length: jobs.length }, (_, i) => jobs.at(i)?.order),
    );
    assert.deepEqual(
      orders,
      orders.map((_, i) => i + 1),
    );
    await stores.close();
  });

  it("remembers models", async () => {
    const folder = newFolder();
    const stores = await open(folder);
    await stores.models.put(sampleModel({ digest: "a".repeat(64) }), neverAborts);
    await stores.models.put(sampleModel(), neverAborts);
    await stores.models.put(sampleModel({ name: "other" }), neverAborts);
    await stores.close();
    const again = await open(folder);
    assert.deepEqual(await again.models.all(neverAborts), [sampleModel(), sampleModel({ name: "other" })]);
    await again.close();
  });
});
