import { neverAborts, orAbort } from "@cogfleet/core";
import { eventOf, isTerminal, type Job, type JobEvent } from "./job.js";
import type { JobStore } from "./job-store.js";

export interface EventPagesDeps {
  readonly store: Pick<JobStore, "events">;
  /** Throws `job_not_found`. */
  readonly job: (jobId: string, signal: AbortSignal) => Promise<Job>;
}

export interface EventPage {
  readonly events: readonly JobEvent[];
  /** Nothing comes after it, now or later. */
  readonly isLast: boolean;
}

/** Watchers hold at most one page of events each, however slow they are. */
const EVENTS_PER_PAGE = 100;

/** Reads histories for many readers: those that ask for the same page at the same time share one read of the store. */
export class EventPages {
  readonly #deps: EventPagesDeps;
  /** By job, and by the sequence number before the page. */
  readonly #underWay = new Map<string, Map<number, Promise<EventPage>>>();

  constructor(deps: EventPagesDeps) {
    this.#deps = deps;
  }

  /**
   * The events after a sequence number. What was written before the last `changed` is among them: whoever reads must see
   * to it that changes are told until the page has come.
   */
  read(jobId: string, after: number, signal: AbortSignal): Promise<EventPage> {
    const pages = this.#underWay.get(jobId) ?? new Map<number, Promise<EventPage>>();
    this.#underWay.set(jobId, pages);
    const page =
      pages.get(after) ?? this.#load(jobId, after).finally(() => this.#isRead(jobId, after, pages));
    pages.set(after, page);
    return orAbort(page, signal);
  }

  /** The job has changed, or nobody can say: what is being read now is for those only who wait for it. */
  changed(jobId: string): void {
    this.#underWay.delete(jobId);
  }

  async #load(jobId: string, after: number): Promise<EventPage> {
    const page = await this.#stored(jobId, after);
    if (page !== undefined) return page;
    const job = await this.#deps.job(jobId, neverAborts);
    if (!isTerminal(job.state.kind)) return { events: [], isLast: false };
    if (job.lastSequence <= after) return { events: [], isLast: true };
    // Written since, or damaged: then the record has to say how the job ended, or nobody would ever know.
    const end = { events: [eventOf(job, job.finishedAt ?? job.createdAt)], isLast: true };
    return (await this.#stored(jobId, after)) ?? end;
  }

  /** Undefined: there are none. */
  async #stored(jobId: string, after: number): Promise<EventPage | undefined> {
    const events = await this.#deps.store.events(jobId, after, EVENTS_PER_PAGE, neverAborts);
    const last = events.at(-1);
    return last && { events, isLast: isTerminal(last.state) };
  }

  #isRead(jobId: string, after: number, pages: Map<number, Promise<EventPage>>): void {
    pages.delete(after);
    if (pages.size === 0 && this.#underWay.get(jobId) === pages) this.#underWay.delete(jobId);
  }
}
