import type { Job } from "../client/generation.js";

/** A job as the coordinator tells of it: it waits, and nothing has happened to it yet. */
export const queuedJob: Job = {
  id: "job-1",
  state: "queued",
  request: { prompt: "x", seed: 7 },
  createTime: undefined,
  startTime: undefined,
  finishTime: undefined,
  stage: undefined,
  step: 0,
  steps: 2,
  error: undefined,
  artifacts: [],
  warnings: [],
  workerIds: [],
  plan: undefined,
  checkpointStep: 0,
  attempts: 0,
  runSeconds: 0,
  approximate: false,
  queuePosition: 0,
  waitReason: "",
};
