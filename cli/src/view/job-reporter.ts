import type { Clock } from "@cogfleet/core";
import type { Job, JobEvent, RankPart } from "../client/generation.js";
import type { Terminal } from "../context.js";
import { barProgress } from "./bar-progress.js";
import { JobProgress } from "./job-progress.js";
import { lineProgress } from "./line-progress.js";

/** What runs on this machine for one job. */
interface StartedFleet {
  /** host:port of the coordinator. */
  readonly address: string;
  readonly coordinatorPid: number;
  readonly workerPids: readonly number[];
}

/** Tells the user how a job gets on. */
export interface JobReporter {
  /** A coordinator and workers were started for this job. */
  fleetStarted(fleet: StartedFleet): void;
  /** A job was taken in. */
  submitted(job: Job): void;
  /** The job's events, each once and in order. */
  event(event: JobEvent): void;
  /** Something about the way to the job, not the job itself. */
  notice(text: string): void;
  /** Leaves the terminal as it was found. */
  close(): void;
}

/** For people: a bar where stderr is a terminal, plain lines elsewhere. */
export function humanReporter(terminal: Terminal, clock: Clock): JobReporter {
  const progress = new JobProgress();
  const view =
    terminal.bar === undefined
      ? lineProgress((line) => terminal.err(line), clock)
      : barProgress(terminal.bar);
  return {
    fleetStarted({ address, coordinatorPid, workerPids }) {
      const text = `coordinator ${address} (pid ${coordinatorPid}), workers (pid ${workerPids.join(", ")})`;
      view.show({ kind: "notice", text });
    },
    submitted(job) {
      view.show({ kind: "notice", text: `job ${job.id}` });
      for (const text of job.warnings) view.show({ kind: "warning", text });
    },
    event(event) {
      for (const update of progress.next(event, clock.now())) view.show(update);
    },
    notice: (text) => view.show({ kind: "notice", text }),
    close: () => view.close(),
  };
}

/** For machines: one JSON object a line. `time_s` counts monotonic seconds since the command started. */
export function jsonReporter(terminal: Terminal, clock: Clock): JobReporter {
  const progress = new JobProgress();
  let jobId: string | undefined;
  const write = (event: string, fields: object): void => {
    const timeS = Math.round(clock.now() * 1e3) / 1e6;
    terminal.out(JSON.stringify({ event, time_s: timeS, job_id: jobId, ...fields }));
  };
  return {
    fleetStarted({ address, coordinatorPid, workerPids }) {
      write("fleet", { coordinator: address, coordinator_pid: coordinatorPid, worker_pids: workerPids });
    },
    submitted(job) {
      jobId = job.id;
      write("submitted", { request: job.request, warnings: job.warnings, wait_reason: job.waitReason });
    },
    event(event) {
      jobId = event.jobId;
      const { sequence } = event;
      for (const update of progress.next(event, clock.now())) {
        switch (update.kind) {
          case "queued":
            write("queued", { sequence, message: update.reason, wait_reason: update.waitReason });
            break;
          case "assigned":
            write("assigned", { sequence, ranks: update.parts.map(rankJson) });
            break;
          case "stage":
            write("stage", { stage: update.stage, sequence, worker_ids: update.workerIds });
            break;
          case "step": {
            const { step, steps } = update;
            write("step", { stage: "denoise", step, steps, seconds: event.seconds, sequence });
            break;
          }
          case "warning":
          case "notice":
            write(update.kind, { message: update.text, sequence });
            break;
          case "ended":
            break; // the command's result says more
        }
      }
    },
    notice: (text) => write("notice", { message: text }),
    close() {},
  };
}

function rankJson({ workerId, half, halves, rows, chunks, tiles }: RankPart, rank: number): object {
  return {
    ...{ rank, worker_id: workerId, half, halves },
    ...{ first_row: rows?.start, rows: rows?.count },
    ...{ first_chunk: chunks?.start, chunks: chunks?.count },
    tiles: tiles.length === 0 ? undefined : tiles,
  };
}
