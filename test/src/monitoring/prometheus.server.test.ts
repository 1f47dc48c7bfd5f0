// Needs Prometheus and Alertmanager: our rules, on a clock that is sixty times as fast, watch a real fleet of processes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { neverAborts, systemClock } from "@cogfleet/core";
import { RULE_GROUPS, ruleFile } from "@cogfleet/monitoring";
import { inRepository } from "../clients/tool.js";
import { type Prometheus, startAlertmanager, startPrometheus, Webhook } from "./prometheus-process.js";
import { demoWorker, type ServiceProcess, startService } from "./service-process.js";
import { shortRules } from "./short-rules.js";
import { Submitter } from "./submitter.js";

const FACTOR = 60;
const PATIENCE_MS = 180_000;

describe("a fleet that Prometheus watches", { timeout: 540_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-prometheus-"));
  const opened: { end(): Promise<void> }[] = [];
  const processes: ServiceProcess[] = [];
  const webhook = new Webhook();
  let prometheus: Prometheus;
  let coordinator: ServiceProcess;
  let submitter: Submitter;
  let job: string;

  const worker = async (id: string): Promise<ServiceProcess> => {
    const started = await startService("worker", demoWorker(coordinator, id));
    processes.push(started);
    return started;
  };

  before(async () => {
    coordinator = await startService("coordinator", ["--port", "0", "--data", join(folder, "jobs")]);
    processes.push(coordinator);
    submitter = new Submitter(coordinator.port);
    const alertmanager = await startAlertmanager(join(folder, "alertmanager"), await webhook.listen());
    opened.push(alertmanager);
    prometheus = await startPrometheus(join(folder, "prometheus"), {
      httpPorts: [coordinator.httpPort],
      rules: ruleFile(shortRules(RULE_GROUPS, FACTOR)),
      alertmanager: alertmanager.url,
    });
    opened.push(prometheus);
  });

  after(async () => {
    submitter?.close();
    for (const { end } of opened.toReversed()) await end();
    for (const one of processes.toReversed()) await one.end("SIGKILL");
    webhook.close();
    rmSync(folder, { recursive: true });
  });

  it("alerts on a worker that is killed and on a queue that starves, and says when both are over", async (t) => {
    const workers = new Map([
      ["w1", await worker("w1")],
      ["w2", await worker("w2")],
    ]);
    // Until the loss can be seen as a part of what was there, over most of what the rule looks at.
    while (
      (await prometheus.query("count_over_time((cogfleet:workers:sum == 2)[15s:1s]) >= 10")).length === 0
    )
      await systemClock.sleep(200, neverAborts);
    const { id } = await submitter.submit({ numInferenceSteps: 300, parallel: "cfg=1,context=1" });
    let victim = "";
    await submitter.until(id, ({ step, workerIds }) => {
      victim = workerIds[0] ?? "";
      return step > 0;
    });
    for (const [name, idle] of workers) if (name !== victim) await idle.end("SIGTERM"); // drains: that is no loss
    await workers.get(victim)?.end("SIGKILL");
    const killedAt = performance.now();
    const seconds = (): string => ((performance.now() - killedAt) / 1000).toFixed(1);

    const lost = await webhook.told("WorkerLostRate", "firing", AbortSignal.timeout(PATIENCE_MS));
    t.diagnostic(`WorkerLostRate after ${seconds()} s: ${lost.summary}`);
    const starved = await webhook.told("QueueOldestAge", "firing", AbortSignal.timeout(PATIENCE_MS));
    t.diagnostic(`QueueOldestAge after ${seconds()} s: ${starved.summary}`);
    // One of two; the increase of a counter is extrapolated a little.
    assert.match(lost.summary, /^[56]\d(\.\d+)?% of the workers were lost/);
    assert.match(starved.summary, /^A job has waited for \d+/);

    await worker("w3");
    await webhook.told("QueueOldestAge", "resolved", AbortSignal.timeout(PATIENCE_MS));
    t.diagnostic(`QueueOldestAge resolved after ${seconds()} s`);
    await webhook.told("WorkerLostRate", "resolved", AbortSignal.timeout(PATIENCE_MS));
    t.diagnostic(`WorkerLostRate resolved after ${seconds()} s`);
    job = id;
  });

  it("answers every query of the runbooks", async () => {
    for (const query of runbookLines("promql")) await prometheus.query(query);
  });

  it("does what the runbooks' commands say", async () => {
    await submitter.ended(job);
    const env = {
      ...process.env,
      COGFLEET_ENDPOINT: `127.0.0.1:${coordinator.port}`,
      COORDINATOR: `http://127.0.0.1:${coordinator.httpPort}`,
      JOB: job,
    };
    for (const command of runbookLines("sh")) {
      const ours = command.replace(/^npx cogfleet /, `node ${inRepository("cli/bin/cogfleet.mjs")} `);
      const { status, stderr } = spawnSync("bash", ["-c", ours], { env, encoding: "utf8" });
      assert.equal(status, 0, `${command}: ${stderr}`);
    }
  });
});

/** Lines of the fenced blocks of a language on all pages, each once. */
function runbookLines(language: "promql" | "sh"): ReadonlySet<string> {
  const folder = inRepository("docs/runbooks");
  const pages = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const blocks = pages.flatMap((page) => [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]);
  const lines = blocks.filter(([, kind]) => kind === language).flatMap(([, , text = ""]) => text.split("\n"));
  return new Set(lines.filter((line) => line !== ""));
}
