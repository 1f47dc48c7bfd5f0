import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRegistry } from "@cogfleet/service";
import { createCoordinatorMetrics, type Snapshot } from "./metrics.js";

const IDLE: Snapshot = {
  queued: 0,
  running: 0,
  idleWorkers: 0,
  busyWorkers: 0,
  drainingWorkers: 0,
  backlogSeconds: [["m", 1]],
  oldestQueuedSeconds: 0,
};

describe("the coordinator's metrics", () => {
  it("have these names and labels, which dashboards and alerts rely on", async () => {
    const registry = createRegistry({ service: "coordinator", version: "0" });
    const { observer, callEnded } = createCoordinatorMetrics(registry, () => IDLE);
    observer.jobSubmitted("m");
    observer.submitRejected("invalid_request");
    observer.jobFinished({ model: "m", outcome: "completed", reason: "", seconds: 1 });
    observer.stageDone("decode", 1);
    observer.stepDone(2, 1);
    observer.workerLost("lease");
    observer.failureNoticed("stream", 0.2);
    callEnded({ method: "a/B", code: "OK" });
    const series = new Set<string>();
    for (const metric of await registry.getMetricsAsJSON()) {
      if (!metric.name.startsWith("cogfleet_")) continue;
      const labels = metric.values
        .flatMap((value) => Object.keys(value.labels))
        .filter((label) => label !== "le");
      series.add(`${metric.name}{${[...new Set(labels)].join(",")}}`);
    }
    assert.deepEqual([...series].sort(), [
      "cogfleet_backlog_work_seconds{model}",
      "cogfleet_build_info{service,version,node}",
      "cogfleet_detection_seconds{detected_by}",
      "cogfleet_estimate_error_ratio{}",
      "cogfleet_fenced_writes_total{}",
      "cogfleet_grpc_server_handled_total{method,code}",
      "cogfleet_job_duration_seconds{outcome}",
      "cogfleet_job_queue_wait_seconds{}",
      "cogfleet_job_stage_seconds{stage}",
      "cogfleet_jobs_finished_total{model,outcome,reason}",
      "cogfleet_jobs_submitted_total{model}",
      "cogfleet_jobs{state}",
      "cogfleet_oldest_queued_age_seconds{}",
      "cogfleet_step_seconds{degree}",
      "cogfleet_steps_total{}",
      "cogfleet_store_damaged_total{}",
      "cogfleet_submit_deduplicated_total{}",
      "cogfleet_submit_rejected_total{reason}",
      "cogfleet_workers_lost_total{detected_by}",
      "cogfleet_workers{state}",
    ]);
  });

  it("leave out what `promtool check metrics` refuses", async () => {
    const registry = createRegistry({ service: "coordinator", version: "0" });
    const names = (await registry.getMetricsAsJSON()).map((metric) => metric.name);
    assert.deepEqual(
      names.filter((name) => /^nodejs_active_.*_total$/.test(name)),
      [],
    );
  });
});
