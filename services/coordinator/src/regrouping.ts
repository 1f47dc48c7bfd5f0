import type { Clock } from "@cogfleet/core";
import { MAX_RANKS, parseParallel } from "@cogfleet/parallel";
import type { Attempts } from "./attempts.js";
import type { Group } from "./groups.js";
import type { LinkTable } from "./links.js";
import type { Observer } from "./observer.js";
import { expectOn } from "./planning.js";
import type { JobQueue, QueuedJob } from "./queue.js";
import { growPays, shrinkPays } from "./resizing.js";
import { kinOf } from "./scheduler.js";
import { goingOnWithoutPays, stragglerOf } from "./stragglers.js";
import type { Connection, WorkerRegistry } from "./workers.js";

export interface RegroupingDeps {
  readonly queue: JobQueue;
  readonly attempts: Attempts;
  readonly workers: WorkerRegistry;
  readonly links: LinkTable;
  readonly clock: Clock;
  readonly observer: Observer;
  /**
   * The jobs that would start on the workers of this group, in that order, if it handed its job back, to go on with so
   * many ranks; undefined: with as many as it has.
   */
  readonly startsWithout: (group: Group, ranks: number | undefined) => readonly QueuedJob[];
}

/** Of a group that was just formed too little is known. */
const SETTLED_STEPS = 2;
/** Plans take milliseconds to weigh. */
const INTERVAL_MS = 1_000;

/**
 * Takes running jobs back at a step where others need their workers more, or where they get on faster with others. One
 * at a time: what a change brings shows only when its workers have come together again.
 */
export class Regrouping {
  readonly #deps: RegroupingDeps;
  #sinceMs = 0;

  constructor(deps: RegroupingDeps) {
    this.#deps = deps;
  }

  tick(elapsedMs: number): void {
    this.#sinceMs += elapsedMs;
    if (this.#sinceMs < INTERVAL_MS) return;
    this.#sinceMs = 0;
    const groups = [...this.#deps.attempts.groups.all()];
    if (groups.some(({ leaving, verdict }) => leaving !== undefined || verdict !== undefined)) return;
    const ready = groups.filter((group) => group.canYield && !group.members.some((one) => one.isDraining));
    if (ready.length === 0) return;
    if (this.#preempt(ready)) return;
    for (const group of ready.filter(({ steps }) => steps >= SETTLED_STEPS))
      if (this.#leaveBehind(group) || this.#shrink(group) || this.#grow(group)) return;
  }

  /** Takes back the least urgent job for one that has a higher priority, when that one would be the next to start. */
  #preempt(groups: readonly Group[]): boolean {
    const { queue, attempts, observer, startsWithout } = this.#deps;
    const highest = queue.highestPriority() ?? Number.NEGATIVE_INFINITY;
    const leastUrgent = groups
      .filter(({ job }) => job.priority < highest)
      .sort((a, b) => a.job.priority - b.job.priority || b.job.order - a.job.order);
    for (const group of leastUrgent) {
      const urgent = startsWithout(group, undefined).find(({ priority }) => priority > group.job.priority);
      if (urgent === undefined) continue;
      const message = `job ${urgent.jobId} has priority ${urgent.priority}, this one ${group.job.priority}`;
      attempts.askBack(group, { message });
      observer.jobPreempted();
      return true;
    }
    return false;
  }

  /** A job goes on without a rank that is far behind the others at two steps in a row. */
  #leaveBehind(group: Group): boolean {
    const { attempts, workers } = this.#deps;
    const straggler = stragglerOf(group.computeSeconds);
    const before = group.slow;
    if (straggler === undefined || before?.rank !== straggler.rank) {
      group.slow = straggler && { rank: straggler.rank, steps: group.steps };
      return false;
    }
    const { job, step, stepMs, size: ranks, steps } = group;
    const slow = group.members[straggler.rank];
    const stepsLeft = job.request.numInferenceSteps - step;
    const stepSeconds = stepMs / 1000;
    if (slow === undefined || steps === before.steps) return false;
    if (!goingOnWithoutPays(straggler, { stepsLeft, stepSeconds, ranks })) return false;
    const times = straggler.seconds / straggler.othersSeconds;
    workers.slowDown(slow, times);
    const message = `worker ${slow.worker.id} computes ${times.toFixed(1)} times as long as the others: going on without it`;
    attempts.askBack(group, { message, ranks: ranks - 1 });
    return true;
  }

  /** A job that shares its work gives half of its workers to one that waits. */
  #shrink(group: Group): boolean {
    const { queue, attempts, links, clock, startsWithout } = this.#deps;
    const ranks = group.size >> 1;
    if (ranks < 1 || group.job.minRanks > ranks || queue.sizeOf(group.job.model) === 0) return false;
    const waiting = startsWithout(group, ranks).find(({ jobId }) => jobId !== group.job.jobId);
    if (waiting === undefined || waiting.minRanks > group.size - ranks) return false;
    const outlook = outlookOf(group, group.members.slice(0, ranks), links);
    const onAll = secondsOn(waiting, group.members, links);
    const onSome = secondsOn(waiting, group.members.slice(ranks), links);
    if (outlook === undefined || onAll === undefined || onSome === undefined) return false;
    const waited = (clock.now() - waiting.queuedAt) / 1000;
    if (!shrinkPays(outlook, { waited, onAll, onSome })) return false;
    attempts.askBack(group, { message: `job ${waiting.jobId} waits: going on with ${ranks} workers`, ranks });
    return true;
  }

  /** A job takes the workers that nobody else wants. */
  #grow(group: Group): boolean {
    const { queue, attempts, links, workers } = this.#deps;
    const { model, maxRanks = MAX_RANKS, request } = group.job;
    if (group.size >= maxRanks || queue.sizeOf(model) > 0) return false;
    const kin = kinOfAll(group.members);
    const more = workers
      .idle()
      .filter(({ worker }) => kinOf(worker) === kin && worker.models.some(({ name }) => name === model));
    if (kin === undefined || more.length === 0) return false;
    const together = [...group.members, ...more].slice(0, maxRanks);
    const ranks = expectOn(request, choiceOf(group.job), together, links)?.ranks ?? 0;
    const outlook = ranks > group.size ? outlookOf(group, together, links) : undefined;
    if (outlook === undefined || !growPays(outlook)) return false;
    attempts.askBack(group, { message: `going on with ${ranks} workers instead of ${group.size}`, ranks });
    return true;
  }
}

/** What is left of a running job, by its steps so far and by what the planner says of other workers. */
function outlookOf(group: Group, others: readonly Connection[], links: LinkTable) {
  const { job, step, stepMs, ranMs } = group;
  const now = expectOn(job.request, choiceOf(job), group.members, links);
  const then = expectOn(job.request, choiceOf(job), others, links);
  if (now === undefined || then === undefined || now.denoiseSeconds === 0) return undefined;
  const steps = job.request.numInferenceSteps;
  const stepSeconds = stepMs / 1000;
  const error = stepSeconds / (now.denoiseSeconds / steps);
  const left = (steps - step) * stepSeconds;
  return {
    elapsed: ranMs / 1000,
    left: left + now.otherSeconds * error,
    leftAfter: left * (then.denoiseSeconds / now.denoiseSeconds) + then.otherSeconds * error,
  };
}

function secondsOn(job: QueuedJob, workers: readonly Connection[], links: LinkTable): number | undefined {
  const expected = expectOn(job.request, choiceOf(job), workers, links);
  return expected && expected.denoiseSeconds + expected.otherSeconds;
}

function choiceOf({ request }: QueuedJob) {
  return parseParallel(request.parallel) ?? {};
}

function kinOfAll(members: readonly Connection[]): string | undefined {
  const [first] = members;
  return first && kinOf(first.worker);
}
