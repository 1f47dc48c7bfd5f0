// Needs promtool and minutes: a fleet of real processes, to which all happens that a metric counts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { NatsServer, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { systemClock } from "@cogfleet/core";
import { isAlert, RULE_GROUPS } from "@cogfleet/monitoring";
import { documentedMetrics, exposedMetrics, type MetricFamily } from "@cogfleet/service/testing";
import { ClassicLevel } from "classic-level";
import { findTool, inRepository } from "../clients/tool.js";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { createAuthority } from "../tls/authority.js";
import { ALL_OF_A_MINUTE, panelQueries, variableQueries } from "./dashboard-queries.js";
import { Moves } from "./moves.js";
import { missingIn } from "./named-series.js";
import { outsideMetrics } from "./outside-metrics.js";
import { demoWorker, type ServiceProcess, startService } from "./service-process.js";
import { Submitter } from "./submitter.js";

const PATIENCE_MS = 180_000;
const LONG = { numInferenceSteps: 200 };

type Scrape = ReadonlyMap<string, MetricFamily>;
type Value = (name: string, labels?: Readonly<Record<string, string>>) => number;

describe("every metric", { timeout: 540_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-metrics-"));
  const data = join(folder, "data");
  const processes: ServiceProcess[] = [];
  const coordinatorMoves = new Moves();
  const workerMoves = new Moves();
  let coordinator: ServiceProcess;
  let submitter: Submitter;

  const begin = async (): Promise<void> => {
    coordinator = await startService("coordinator", ["--port", "0", "--data", data, "--max-attempts", "1"]);
    processes.push(coordinator);
    submitter = new Submitter(coordinator.port);
    await look();
  };
  const worker = async (id: string): Promise<ServiceProcess> => {
    const started = await startService("worker", demoWorker(coordinator, id));
    processes.push(started);
    workerMoves.see(await started.metrics());
    await until(({ workers }) => workers > 0);
    return started;
  };
  const look = async (): Promise<Scrape> => {
    const seen = await coordinator.metrics();
    coordinatorMoves.see(seen);
    return seen;
  };
  /** Waits until a scrape of the coordinator shows it. */
  const until = async (isSo: (seen: { value: Value; workers: number }) => boolean): Promise<void> => {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const page = await look();
      const value: Value = (name, labels) => read(page, name, labels);
      const workers =
        value("cogfleet_workers", { state: "idle" }) + value("cogfleet_workers", { state: "busy" });
      if (isSo({ value, workers })) return;
      await systemClock.sleep(30, deadline);
    }
  };

  before(begin);

  after(async () => {
    submitter?.close();
    for (const one of processes.toReversed()) await one.end("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  it("of a job that several ranks compute until one of them is killed", async () => {
    const [first, second] = [await worker("w1"), await worker("w2")];
    await until(({ workers }) => workers === 2);
    const { id } = await submitter.submit({ ...LONG, parallel: "cfg=1,context=2" });
    await until(({ value }) => value("cogfleet_groups", { degree: "2" }) === 1);
    await until(({ value }) => value("cogfleet_step_straggler_ratio_count") > 0);
    workerMoves.see(await first.metrics());
    workerMoves.see(await second.metrics());
    await second.end("SIGKILL");
    await until(({ value }) => value("cogfleet_workers_lost_total", { detected_by: "stream" }) === 1);
    assert.equal(await submitter.ended(id), "JOB_STATE_COMPLETED");
    workerMoves.see(await first.metrics());
    await until(({ value }) => value("cogfleet_recovery_seconds_count") === 1);
    await until(({ value }) => value("cogfleet_groups", { degree: "2" }) === 0);
  });

  it("of submissions: admitted, refused, repeated, cancelled, too late", async () => {
    const once = { idempotencyKey: "once", numInferenceSteps: 2 };
    const { id } = await submitter.submit(once);
    assert.equal((await submitter.submit(once)).id, id);
    await assert.rejects(submitter.submitOnce({ numInferenceSteps: 0 }));
    assert.equal(await submitter.ended(id), "JOB_STATE_COMPLETED");
    const cancelled = await submitter.submit(LONG);
    await submitter.cancel(cancelled.id);
    assert.equal(await submitter.ended(cancelled.id), "JOB_STATE_CANCELLED");
    const deadline = { seconds: Math.floor(systemClock.wallTime() / 1000) + 5 };
    const late = await submitter.submit({ numInferenceSteps: 1000, deadline });
    assert.equal(await submitter.ended(late.id), "JOB_STATE_FAILED");
    await look();
  });

  it("of a job that makes way for one of higher priority", async () => {
    const low = await submitter.submit({ numInferenceSteps: 1000 });
    await submitter.until(low.id, ({ step }) => step > 0);
    const high = await submitter.submit({ numInferenceSteps: 2, priority: 50 });
    assert.equal(await submitter.ended(high.id), "JOB_STATE_COMPLETED");
    await until(({ value }) => value("cogfleet_preemptions_total") === 1);
    await submitter.cancel(low.id);
    assert.equal(await submitter.ended(low.id), "JOB_STATE_CANCELLED");
  });

  it("of a worker that falls silent", async () => {
    const [running] = processes
      .filter(({ child }) => child.exitCode === null && child.signalCode === null)
      .slice(1);
    assert.ok(running);
    const { id } = await submitter.submit(LONG);
    await submitter.until(id, ({ step }) => step > 0);
    running.child.kill("SIGSTOP");
    await until(({ value }) => value("cogfleet_workers_lost_total", { detected_by: "lease" }) === 1);
    // Nobody else is there: its job waits.
    await until(({ value }) => value("cogfleet_oldest_queued_age_seconds") > 0);
    running.child.kill("SIGCONT");
    await submitter.ended(id);
  });

  it("of a disk that takes nothing", async () => {
    const blobs = join(data, "blobs");
    await until(({ value }) => value("cogfleet_jobs", { state: "running" }) === 0);
    renameSync(blobs, `${blobs}-gone`);
    writeFileSync(blobs, "a file where the folder was");
    const { id } = await submitter.submit({ numInferenceSteps: 2 });
    assert.equal(await submitter.ended(id), "JOB_STATE_FAILED");
    rmSync(blobs);
    renameSync(`${blobs}-gone`, blobs);
    await until(({ value }) => value("cogfleet_artifact_write_errors_total") > 0);
  });

  it("of stored data that is damaged", async () => {
    const [, running] = processes.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    await running?.end("SIGTERM");
    submitter.close();
    await coordinator.end("SIGTERM");
    const level = new ClassicLevel<string, Buffer>(join(data, "jobs"), { valueEncoding: "buffer" });
    const [key = ""] = await level.keys({ gte: "job!", limit: 1 }).all();
    await level.put(key, Buffer.from("no record"));
    await level.close();
    await begin();
    await until(({ value }) => value("cogfleet_store_damaged_total") === 1);
  });

  it("of a worker that drains, and reports for an attempt that is over", async () => {
    const leaving = new FakeWorker(coordinator.port, "leaving");
    await leaving.next("welcome");
    leaving.send({ stepDone: { jobId: "gone", epoch: 1, step: 1, seconds: 1 } });
    leaving.send({ draining: {} });
    await until(({ value }) => value("cogfleet_workers", { state: "draining" }) === 1);
    await until(({ value }) => value("cogfleet_fenced_writes_total") === 1);
    leaving.kill();
  });

  it("of a store that is away, and comes back", async (t: TestContext) => {
    const nats = await NatsServer.start({ program: natsProgram(), folder: join(folder, "nats") });
    t.after(() => nats.kill());
    const shared = await startService("coordinator", [
      "--port",
      "0",
      "--store",
      "nats",
      "--nats-url",
      nats.url,
    ]);
    processes.push(shared);
    const showing = async (state: string): Promise<void> => {
      const deadline = AbortSignal.timeout(PATIENCE_MS);
      for (;;) {
        const page = await shared.metrics();
        if (`${read(page, "cogfleet_store_up")} ${read(page, "cogfleet_leader")}` === state) return;
        await systemClock.sleep(100, deadline);
      }
    };
    await showing("1 1");
    await nats.kill();
    await showing("0 0");
    await nats.startAgain();
    await showing("1 1");
    await shared.end("SIGTERM");
  });

  it("of certificates", async (t: TestContext) => {
    const authority = await createAuthority(t, "ours");
    const { certificate, privateKey, ca } = await authority.issue("both");
    const tls = ["--tls-cert", certificate, "--tls-key", privateKey, "--tls-ca", ca];
    const secured = await startService("coordinator", ["--port", "0", "--data", join(folder, "tls"), ...tls]);
    processes.push(secured);
    const own = await startService("worker", [...demoWorker(secured, "secured"), ...tls]);
    processes.push(own);
    coordinatorMoves.see(await secured.metrics());
    workerMoves.see(await own.metrics());
  });

  it("is listed in docs/metrics.md, and has moved here", () => {
    const doc = readFileSync(inRepository("docs/metrics.md"), "utf8");
    const names = (heading: string): string[] =>
      documentedMetrics(doc, heading).map((row) => row.split(" ")[0] ?? "");
    const still = (moves: Moves, heading: string): string[] =>
      names(heading).filter((name) => !moves.has(name));
    assert.deepEqual(still(workerMoves, "Worker"), []);
    assert.deepEqual(still(coordinatorMoves, "Coordinator"), []);
  });

  it("passes `promtool check metrics`", async () => {
    for (const one of processes.filter(({ child }) => child.exitCode === null && child.signalCode === null)) {
      const page = await one.scrape();
      assert.notEqual(exposedMetrics(page).length, 0);
      const args = ["check", "metrics"];
      const { status, stdout, stderr } = spawnSync(findTool("promtool"), args, {
        input: page,
        encoding: "utf8",
      });
      assert.equal(stdout + stderr, "");
      assert.equal(status, 0);
    }
  });

  it("that a rule or a dashboard names is there, with the labels and the values that it asks for", () => {
    const rules = RULE_GROUPS.flatMap((group) => group.rules);
    const recorded = new Set(rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record])));
    const scrapes = [coordinatorMoves, workerMoves, outsideMetrics];
    const queries = [...panelQueries(ALL_OF_A_MINUTE), ...variableQueries(ALL_OF_A_MINUTE)];
    const missing = [...rules, ...queries].map(({ expr }) => [expr, missingIn(expr, scrapes, recorded)]);
    assert.deepEqual(
      missing.filter(([, what]) => what?.length !== 0),
      [],
    );
  });
});

/** The sum of the series with these labels. */
function read(page: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = page.get(name) ?? page.get(name.replace(/_(?:count|sum|bucket)$/, ""));
  return (family?.samples ?? [])
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
