import { createHash } from "node:crypto";
import type { Job, JobEvent } from "@cogfleet/coordinator/testing/domain.js";

/** What happened, as the checks read it. */
export type Fact =
  | { readonly kind: "fault"; readonly fault: string; readonly target: string; readonly detail: string }
  | { readonly kind: "started" | "ended"; readonly process: string; readonly detail: string }
  | { readonly kind: "crash point"; readonly process: string; readonly point: string }
  /** A write of a job took effect. */
  | {
      readonly kind: "written";
      readonly process: string;
      readonly job: Job;
      readonly events: readonly JobEvent[];
    }
  | { readonly kind: "deleted"; readonly process: string; readonly jobId: string }
  | {
      readonly kind: "stored" | "removed" | "damaged";
      readonly process: string;
      readonly key: string;
      readonly sha256: string;
    }
  | {
      readonly kind: "asked";
      readonly client: string;
      readonly key: string | undefined;
      readonly body: string;
      readonly isBad: boolean;
    }
  | {
      readonly kind: "acknowledged";
      readonly client: string;
      readonly key: string | undefined;
      readonly body: string;
      readonly jobId: string;
    }
  | {
      readonly kind: "refused";
      readonly client: string;
      readonly key: string | undefined;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: "cancelled"; readonly client: string; readonly jobId: string; readonly state: string }
  | { readonly kind: "seen"; readonly watcher: string; readonly jobId: string; readonly event: JobEvent }
  | {
      readonly kind: "watch ended";
      readonly watcher: string;
      readonly jobId: string;
      readonly isWhole: boolean;
    }
  /** A rank 0 begins to compute a step. */
  | {
      readonly kind: "begun";
      readonly worker: string;
      readonly jobId: string;
      readonly epoch: number;
      readonly step: number;
    }
  | { readonly kind: "observed"; readonly process: string; readonly what: string; readonly detail: string }
  | { readonly kind: "logged"; readonly process: string; readonly level: string; readonly line: string }
  | { readonly kind: "quiet" };

export type Told = Fact & { readonly at: number };

/** A fact of a kind. */
export type Of<K extends Fact["kind"]> = Told & { readonly kind: K };

/** All that happened in a simulation, in order. */
export class History {
  readonly #now: () => number;
  readonly facts: Told[] = [];
  /** The jobs that are stored, as they were written last. */
  readonly jobs = new Map<string, Job>();

  /** @param now virtual milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  tell(fact: Fact): void {
    this.facts.push({ ...fact, at: this.#now() });
    if (fact.kind === "written") this.jobs.set(fact.job.id, fact.job);
    else if (fact.kind === "deleted") this.jobs.delete(fact.jobId);
  }

  of<K extends Fact["kind"]>(kind: K): Of<K>[] {
    return this.facts.filter((fact): fact is Of<K> => fact.kind === kind);
  }

  /** Equal for two runs in which the same things happened at the same times. */
  sha256(): string {
    const hash = createHash("sha256");
    for (const fact of this.facts) hash.update(JSON.stringify(fact));
    return hash.digest("hex");
  }
}

/** A line for people. */
export function toLine(fact: Told): string {
  const { at, kind, ...rest } = fact;
  const time = `${(at / 1000).toFixed(3).padStart(9)} s  ${kind.padEnd(12)}`;
  if (fact.kind === "written") {
    const { job, process } = fact;
    const { state, progress, epoch } = job;
    const checkpoint = job.checkpoint === undefined ? "" : ` checkpoint ${job.checkpoint.step}`;
    const place = `${state.kind} epoch ${epoch} ${progress.stage ?? "-"} ${progress.step}${checkpoint}`;
    const message = fact.events.map((event) => event.message).join("; ");
    return `${time} ${process} ${job.id} ${place} #${job.lastSequence} ${message}`;
  }
  if (fact.kind === "seen") return `${time} ${fact.watcher} ${fact.jobId} #${fact.event.sequence}`;
  return `${time} ${Object.values(rest)
    .filter((value) => value !== "")
    .join(" ")}`;
}
