import { createHash } from "node:crypto";
import { isTerminal, type Job } from "@cogfleet/coordinator/testing/domain.js";
import { expectedMp4, troubleOf } from "./fake-video.js";
import type { Of } from "./history.js";
import type { Outcome } from "./simulation.js";

/** A promise that was broken. */
export interface Violation {
  readonly check: string;
  readonly what: string;
}

type Check = (outcome: Outcome) => readonly string[];

/** What must hold of every history; the promises P1 to P10 are those of docs/reliability.md. */
export const CHECKS: Readonly<Record<string, Check>> = {
  "P1 an acknowledged job is there": acknowledgedJobsAreThere,
  "P1 every job ends": everyJobEnds,
  "P2 an ended job never changes": endedJobsStayEnded,
  "P2 epochs and events count one by one": numbersRiseByOne,
  "P2 a video is stored before its job is completed": videosAreStoredFirst,
  "P2 the video is the right one": videosAreRight,
  "P2 a job fails only for a reason of its own": failuresAreJustified,
  "P3 one key, one job": oneKeyOneJob,
  "P4 a step is stored before it is reported": stepsAreStoredFirst,
  "P4 no reported step is computed again": nothingIsRecomputed,
  "P5 one leader and one attempt at a time have an effect": onlyHoldersAreHeard,
  "P6 a cancelled job does not go on": cancelsHold,
  "P6 a running job ends within a step of its cancel": cancelsAreQuick,
  "P7 a watcher sees every event once": watchersSeeAll,
  "P9 the queue is bounded": queueIsBounded,
  "P10 bad input is refused with its reason": badInputIsRefused,
  "nothing is left over": ({ leftovers }) => leftovers,
  "nothing throws what nobody expects": noBugs,
};

/** All promises that a run broke. */
export function check(outcome: Outcome): Violation[] {
  return Object.entries(CHECKS).flatMap(([name, look]) =>
    look(outcome).map((what) => ({ check: name, what })),
  );
}

function written({ history }: Outcome): Map<string, Of<"written">[]> {
  const byJob = new Map<string, Of<"written">[]>();
  for (const fact of history.of("written")) byJob.set(fact.job.id, [...(byJob.get(fact.job.id) ?? []), fact]);
  return byJob;
}

function deletedIds({ history }: Outcome): ReadonlySet<string> {
  return new Set(history.of("deleted").map(({ jobId }) => jobId));
}

function acknowledgedJobsAreThere(outcome: Outcome): string[] {
  const there = new Set([...outcome.jobs.map(({ job }) => job.id), ...deletedIds(outcome)]);
  return outcome.history
    .of("acknowledged")
    .filter(({ jobId }) => !there.has(jobId))
    .map(({ jobId, client }) => `job ${jobId} was acknowledged to ${client} and is gone`);
}

function everyJobEnds({ jobs }: Outcome): string[] {
  return jobs
    .filter(({ job }) => !isTerminal(job.state.kind))
    .map(
      ({ job }) =>
        `job ${job.id} is ${job.state.kind} at step ${job.progress.step} long after the last fault`,
    );
}

function endedJobsStayEnded(outcome: Outcome): string[] {
  const found: string[] = [];
  for (const [id, writes] of written(outcome)) {
    const end = writes.findIndex(({ job }) => isTerminal(job.state.kind));
    if (end >= 0 && end < writes.length - 1)
      found.push(`job ${id} was ${writes[end]?.job.state.kind} and then ${writes[end + 1]?.job.state.kind}`);
  }
  for (const { job, events } of outcome.jobs) {
    const ends = events.filter(({ state }) => isTerminal(state)).length;
    if (ends > 1) found.push(`job ${job.id} has ${ends} events that end it`);
  }
  return found;
}

function numbersRiseByOne(outcome: Outcome): string[] {
  const found: string[] = [];
  for (const [id, writes] of written(outcome)) {
    let before: Job | undefined;
    for (const { job, events } of writes) {
      const last = before?.lastSequence ?? 0;
      const sequences = events.map(({ sequence }) => sequence);
      if (
        job.lastSequence !== last + events.length ||
        sequences.some((sequence, i) => sequence !== last + 1 + i)
      )
        found.push(`job ${id}: events ${sequences.join(", ")} after ${last}`);
      const rise = job.epoch - (before?.epoch ?? 0);
      const isAssigned = before?.state.kind === "queued" && job.state.kind === "running";
      if (rise !== (isAssigned ? 1 : 0)) found.push(`job ${id}: epoch ${before?.epoch} became ${job.epoch}`);
      before = job;
    }
  }
  for (const { job, events } of outcome.jobs)
    if (events.some(({ sequence }, i) => sequence !== i + 1) || events.length !== job.lastSequence)
      found.push(`job ${job.id} has ${events.length} events and its last is ${job.lastSequence}`);
  return found;
}

function videosAreStoredFirst({ history, jobs, blobs }: Outcome): string[] {
  const found: string[] = [];
  const stored = new Map<string, string>();
  for (const fact of history.facts) {
    if (fact.kind === "stored") stored.set(fact.key, fact.sha256);
    else if (fact.kind === "removed") stored.delete(fact.key);
    else if (fact.kind === "written" && fact.job.state.kind === "completed")
      for (const { kind, sha256 } of fact.job.state.artifacts)
        if (stored.get(`jobs/${fact.job.id}/${fact.job.epoch}/${kind}`) !== sha256)
          found.push(`job ${fact.job.id} was completed before its ${kind} was stored`);
  }
  for (const { job } of jobs)
    if (job.state.kind === "completed")
      for (const { kind } of job.state.artifacts)
        if (!blobs.has(`jobs/${job.id}/${job.epoch}/${kind}`))
          found.push(`the ${kind} of job ${job.id} is gone`);
  return found;
}

function videosAreRight({ jobs, blobs }: Outcome): string[] {
  const found: string[] = [];
  for (const { job } of jobs) {
    if (job.state.kind !== "completed") continue;
    const data = blobs.get(`jobs/${job.id}/${job.epoch}/video`)?.data;
    if (data !== undefined && sha256Of(data) !== sha256Of(expectedMp4(job.request)))
      found.push(
        `job ${job.id} made another video than it should: ${Buffer.from(data).toString().slice(0, 60)}`,
      );
  }
  return found;
}

/** Workers were lost under it again and again, and it never got farther; or it cannot be computed. */
function failuresAreJustified({ jobs, scenario }: Outcome): string[] {
  const found: string[] = [];
  for (const { job, events } of jobs) {
    if (job.state.kind !== "failed") continue;
    const { maxAttempts } = scenario.config.coordinator;
    let inVain = 0;
    let furthest = 0;
    for (const { message, step, stage } of events) {
      if (stage === "denoise" && step > furthest) {
        furthest = step;
        inVain = 0;
      }
      if (message.startsWith("queued again: ")) inVain += 1;
    }
    const { code, message } = job.state.error;
    if (troubleOf(job.request) === "breaks" && code === "numeric_error") continue;
    if (code === "deadline_exceeded" && job.request.deadline !== undefined) continue;
    if (code === "run_time_exceeded" && job.request.maxRunSeconds !== undefined) continue;
    const isLoss = code === "worker_lost" || code === "peer_lost";
    if (!isLoss || inVain < maxAttempts - 1) found.push(`job ${job.id} failed: ${code}: ${message}`);
  }
  return found;
}

function oneKeyOneJob({ history, jobs }: Outcome): string[] {
  const found: string[] = [];
  const byKey = new Map<string, { jobId: string; body: string }>();
  for (const { key: ownKey, jobId, body } of history.of("acknowledged")) {
    if (ownKey === undefined) continue;
    const { tenant = "" } = JSON.parse(body) as { tenant?: string };
    const key = `${tenant}/${ownKey}`;
    const first = byKey.get(key) ?? { jobId, body };
    byKey.set(key, first);
    if (history.of("deleted").some((fact) => fact.jobId === first.jobId)) byKey.delete(key);
    else if (first.jobId !== jobId) found.push(`key ${key} gave jobs ${first.jobId} and ${jobId}`);
    else if (first.body !== body) found.push(`key ${key} gave job ${jobId} for two different bodies`);
  }
  const keys = jobs.flatMap(({ job: { request } }) =>
    request.idempotencyKey === undefined ? [] : [`${request.tenant}/${request.idempotencyKey}`],
  );
  if (new Set(keys).size !== keys.length) found.push(`two jobs are stored under one key: ${keys.join(", ")}`);
  return found;
}

function stepsAreStoredFirst({ history }: Outcome): string[] {
  const found: string[] = [];
  const stored = new Map<string, string>();
  const known = new Map<string, string>();
  for (const fact of history.facts) {
    if (fact.kind === "stored") stored.set(fact.key, fact.sha256);
    if (fact.kind !== "written" || fact.job.checkpoint === undefined) continue;
    const { id, checkpoint } = fact.job;
    const key = `jobs/${id}/${checkpoint.epoch}/step-${checkpoint.step}`;
    if (known.get(id) !== key && stored.get(key) !== checkpoint.sha256)
      found.push(
        `step ${checkpoint.step} of job ${id} was reported in epoch ${checkpoint.epoch} and is not stored`,
      );
    known.set(id, key);
  }
  return found;
}

/** Begun again by a later attempt after an earlier one had reported it done. */
function nothingIsRecomputed(outcome: Outcome): string[] {
  return recomputedSteps(outcome).map(
    ({ jobId, step, epoch }) =>
      `step ${step} of job ${jobId} was reported done and computed again in epoch ${epoch}`,
  );
}

/** Steps that were computed again without need: a checkpoint that was damaged costs one. */
export function recomputedSteps({ history }: Outcome): { jobId: string; step: number; epoch: number }[] {
  const found: { jobId: string; step: number; epoch: number }[] = [];
  const reported = new Map<string, { step: number; epoch: number }>();
  const spared = new Set<string>();
  for (const fact of history.facts) {
    if (fact.kind === "damaged") spared.add(fact.key.split("/")[1] ?? "");
    if (fact.kind === "written" && fact.job.state.kind === "running" && fact.job.progress.step > 0) {
      const { id, progress, epoch } = fact.job;
      const before = reported.get(id);
      if (before === undefined || progress.step > before.step)
        reported.set(id, { step: progress.step, epoch });
    }
    if (fact.kind !== "begun" || spared.has(fact.jobId)) continue;
    const done = reported.get(fact.jobId);
    if (done !== undefined && fact.step <= done.step && fact.epoch > done.epoch) found.push(fact);
  }
  return found;
}

/** Within an attempt nothing changes but by what its own workers do. */
function onlyHoldersAreHeard(outcome: Outcome): string[] {
  const found: string[] = [];
  for (const [id, writes] of written(outcome)) {
    let before: Job | undefined;
    for (const { job } of writes) {
      if (before !== undefined) {
        const isNewAttempt = job.epoch !== before.epoch;
        if (!isNewAttempt && before.state.kind === "running" && job.state.kind === "running") {
          if (job.progress.step < before.progress.step)
            found.push(`job ${id}: step ${before.progress.step} became ${job.progress.step}`);
          if (job.workerIds.join() !== before.workerIds.join())
            found.push(`job ${id}: its workers changed within epoch ${job.epoch}`);
        }
        const isProgress = job.progress.step > before.progress.step || job.state.kind === "completed";
        if (isProgress && before.state.kind !== "running")
          found.push(`job ${id} got on while it was ${before.state.kind}`);
      }
      if (before !== undefined && job.term < before.term)
        found.push(`job ${id} was written in term ${job.term} after ${before.term}`);
      const { checkpoint } = job;
      if (checkpoint !== undefined && checkpoint.epoch > job.epoch)
        found.push(`job ${id} has a checkpoint of epoch ${checkpoint.epoch}`);
      before = job;
    }
  }
  return found;
}

function cancelsHold({ history, jobs }: Outcome): string[] {
  const found: string[] = [];
  for (const { jobId, state } of history.of("cancelled")) {
    const job = jobs.find((one) => one.job.id === jobId)?.job;
    if (job === undefined || (isTerminal(state as Job["state"]["kind"]) && job.state.kind === state))
      continue;
    if (state === "queued") found.push(`job ${jobId} was cancelled while it was queued, and still is`);
    else if (job.state.kind !== "cancelled")
      found.push(`job ${jobId} was cancelled while it was ${state}, and is ${job.state.kind}`);
  }
  return found;
}

/** Once nothing goes wrong any more: the step that is computed is the last. */
function cancelsAreQuick({ history, scenario }: Outcome): string[] {
  const quietAt = history.of("quiet")[0]?.at ?? 0;
  const isCalm = scenario.faults.length === 0;
  const found: string[] = [];
  for (const { jobId, state, at } of history.of("cancelled")) {
    if (state !== "running" || (!isCalm && at < quietAt)) continue;
    const begun = history.of("begun").filter((fact) => fact.jobId === jobId && fact.at > at);
    // One may begin while the cancel is on its way.
    if (begun.length > 1) found.push(`job ${jobId} was cancelled and began ${begun.length} more steps`);
  }
  return found;
}

function watchersSeeAll({ history, jobs }: Outcome): string[] {
  const found: string[] = [];
  const seen = new Map<string, number>();
  for (const fact of history.facts) {
    if (fact.kind === "seen") {
      const { watcher, jobId, event } = fact;
      const last = seen.get(watcher) ?? 0;
      if (event.sequence !== last + 1) found.push(`${watcher} saw event ${event.sequence} after ${last}`);
      seen.set(watcher, event.sequence);
      const stored = jobs.find(({ job }) => job.id === jobId)?.events[event.sequence - 1];
      if (stored !== undefined && JSON.stringify(stored) !== JSON.stringify(event))
        found.push(`${watcher} saw another event ${event.sequence} of job ${jobId} than is stored`);
    }
    if (fact.kind === "watch ended" && fact.isWhole) {
      const job = jobs.find((one) => one.job.id === fact.jobId)?.job;
      const last = seen.get(fact.watcher) ?? 0;
      if (job !== undefined && last !== job.lastSequence)
        found.push(`${fact.watcher} saw ${last} of the ${job.lastSequence} events of job ${job.id}`);
    }
  }
  return found;
}

function queueIsBounded({ history, scenario }: Outcome): string[] {
  // One for each worker is just being given away.
  const maxQueued = scenario.config.coordinator.maxQueued + scenario.config.workers;
  const found: string[] = [];
  const neverRun = new Set<string>();
  for (const fact of history.facts) {
    if (fact.kind !== "written") continue;
    // What is queued again, or was taken up after a restart, was admitted before.
    if (fact.job.lastSequence === 1) neverRun.add(fact.job.id);
    else neverRun.delete(fact.job.id);
    if (neverRun.size > maxQueued) found.push(`${neverRun.size} jobs wait where ${maxQueued} may`);
  }
  return found.slice(0, 1);
}

function badInputIsRefused({ history }: Outcome): string[] {
  const found: string[] = [];
  const bad = new Set(history.of("asked").flatMap(({ isBad, client }) => (isBad ? [client] : [])));
  for (const { client, jobId } of history.of("acknowledged"))
    if (bad.has(client)) found.push(`${client} asked for nonsense and got job ${jobId}`);
  for (const { client, code, message } of history.of("refused"))
    if (bad.has(client) && code === "invalid_request" && !/num_inference_steps.*-3/.test(message))
      found.push(`${client} was not told what is wrong: ${message}`);
  return found;
}

function noBugs({ bugs, history }: Outcome): string[] {
  const logged = history.of("logged").filter(({ line }) => line.includes(" BUG "));
  return [...bugs, ...logged.map(({ process, line }) => `${process}: ${line}`)];
}

function sha256Of(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
