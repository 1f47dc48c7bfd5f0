import { Heap } from "./heap.js";

interface Entry {
  readonly jobId: string;
  /** Wall time, milliseconds. */
  readonly deadline: number;
}

/** The deadlines of jobs that have not ended. */
export class Deadlines {
  readonly #byJob = new Map<string, Entry>();
  // Entries of jobs that were removed stay until they come first, or are many.
  #heap = new Heap<Entry>(isSooner);

  get size(): number {
    return this.#byJob.size;
  }

  add(jobId: string, deadline: number): void {
    if (this.#byJob.has(jobId)) return;
    const entry = { jobId, deadline };
    this.#byJob.set(jobId, entry);
    this.#heap.push(entry);
  }

  remove(jobId: string): void {
    this.#byJob.delete(jobId);
    if (this.#heap.size > 2 * this.#byJob.size + 100) this.#heap = new Heap(isSooner, this.#byJob.values());
  }

  /** The jobs whose deadline has come. They stay until they are removed: the store may not answer. */
  due(wallTime: number): string[] {
    const due: Entry[] = [];
    for (let first = this.#heap.peek(); first !== undefined && first.deadline <= wallTime; ) {
      this.#heap.pop();
      if (this.#byJob.get(first.jobId) === first) due.push(first);
      first = this.#heap.peek();
    }
    for (const entry of due) this.#heap.push(entry);
    return due.map(({ jobId }) => jobId);
  }
}

function isSooner(a: Entry, b: Entry): boolean {
  return a.deadline < b.deadline;
}
