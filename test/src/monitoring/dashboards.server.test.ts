// Needs Prometheus: it scrapes a real fleet that works and loses a worker, and is asked what every panel would ask.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { type PanelQuery, panelQueries, variableQueries } from "./dashboard-queries.js";
import { startOutsideExporter } from "./outside-metrics.js";
import { type Prometheus, type Series, startPrometheus } from "./prometheus-process.js";
import { demoWorker, type ServiceProcess, startService } from "./service-process.js";
import { Submitter } from "./submitter.js";

const PATIENCE_MS = 400_000;
/** Scraped every second. */
const FILLING = {
  namespace: "video",
  release: "cogfleet",
  model: "(demo|other)",
  rateInterval: "30s",
  range: "2m",
};

/** Of what does not happen here. Those of counts are 0 and not missing; these are absent until it happens. */
const NOT_HERE: ReadonlyMap<string, string> = new Map([
  ["cogfleet-platform: Certificates end in: first to end", "the fleet here has no TLS"],
]);

describe("the panels of a fleet that works", { timeout: 540_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-dashboards-"));
  const opened: { end(): Promise<void> }[] = [];
  const jobs = new Set<string>();
  const stop = new AbortController();
  let work: Promise<void> = Promise.resolve();
  let workers: ServiceProcess[];
  let prometheus: Prometheus;
  let submitter: Submitter;

  before(async () => {
    const start = async (service: "coordinator" | "worker", flags: readonly string[]) => {
      const started = await startService(service, flags);
      opened.push({ end: () => started.end("SIGKILL") });
      return started;
    };
    const coordinator = await start("coordinator", ["--port", "0", "--data", join(folder, "jobs")]);
    workers = [];
    for (const id of ["w1", "w2", "w3"]) workers.push(await start("worker", demoWorker(coordinator, id)));
    submitter = new Submitter(coordinator.port);
    const outside = await startOutsideExporter();
    opened.push(outside);
    prometheus = await startPrometheus(join(folder, "prometheus"), {
      httpPorts: [coordinator.httpPort, ...workers.map(({ httpPort }) => httpPort), outside.port],
      rules: "groups: []",
    });
    opened.push(prometheus);
    work = submitJobs().catch((error) => {
      if (!stop.signal.aborted) throw error;
    });
  });

  after(async () => {
    stop.abort();
    submitter?.close();
    for (const { end } of opened.toReversed()) await end();
    await work; // with the coordinator its calls have ended
    rmSync(folder, { recursive: true });
  });

  /** One after the other, alone and on two ranks; and what a coordinator refuses. */
  const submitJobs = async (): Promise<void> => {
    for (let count = 0; !stop.signal.aborted; count += 1) {
      const parallel = count % 3 === 0 ? "cfg=1,context=1" : "cfg=1,context=2";
      const { id } = await submitter.submit({ numInferenceSteps: 8, parallel, prompt: `job ${count}` });
      jobs.add(id);
      await submitter.submitOnce({ numInferenceSteps: 0 }).catch(() => undefined);
      await submitter.ended(id);
    }
  };

  it("have values, but for those of what does not happen here, and name no job", async (t) => {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    const missing = new Map(panelQueries(FILLING).map((query) => [query.name, query]));
    let isKilled = false;
    while ([...missing.keys()].some((name) => !NOT_HERE.has(name))) {
      for (const query of missing.values()) if (await hasValue(query)) missing.delete(query.name);
      // What is left then is for the most part what a failure shows.
      if (!isKilled && missing.size < 20) {
        isKilled = true;
        await loseRank();
      }
      if (deadline.aborted) break;
      await systemClock.sleep(500, deadline).catch(() => undefined);
    }
    t.diagnostic(`${jobs.size} jobs; without values: ${[...missing.keys()].join("; ")}`);
    assert.deepEqual([...missing.keys()].sort(), [...NOT_HERE.keys()].sort());
  });

  /** A worker is killed while it computes, so that there is a job that has to get on again. */
  const loseRank = async (): Promise<void> => {
    const { id } = await submitter.submit({ numInferenceSteps: 100, parallel: "cfg=1,context=3" });
    await submitter.until(id, ({ stage, step }) => stage === "STAGE_DENOISE" && step >= 2);
    await workers[2]?.end("SIGKILL");
  };

  it("can be chosen for: the variables offer this fleet", async () => {
    for (const { expr, label } of variableQueries(FILLING)) {
      const values = new Set((await prometheus.query(expr)).map(({ metric }) => metric[label]));
      const expected = label === "namespace" ? "video" : label === "job" ? "cogfleet" : "demo";
      assert.ok(values.has(expected), `${label}: ${[...values].join(", ")}`);
    }
  });

  const hasValue = async ({ name, expr, legend }: PanelQuery): Promise<boolean> => {
    const series = await prometheus.query(expr);
    for (const { metric } of series) checkNames(name, legend, metric);
    return series.some(({ value }) => Number.isFinite(value));
  };

  /** That each series has a name, and one that a person can read. */
  const checkNames = (name: string, legend: string, metric: Series["metric"]): void => {
    for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      const value = metric[label];
      assert.ok(value !== undefined && value !== "", `${name}: no ${label} in ${JSON.stringify(metric)}`);
      assert.ok(!jobs.has(value), `${name}: ${value} is a job`);
      assert.doesNotMatch(value, /[0-9a-f]{8}-[0-9a-f]{4}/, name);
    }
  };
});
