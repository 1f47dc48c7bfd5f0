interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Virtual time, and everything that is to happen in it, in one queue. Two events of the same moment happen in the order
 * in which they were asked for, and the promises of one settle before the next: nothing depends on the real clock.
 */
export class World {
  #now = 0;
  #asked = 0;
  readonly #heap: Event[] = [];

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** Calls `run` so many milliseconds from now. */
  after(ms: number, run: () => void): void {
    this.#asked += 1;
    this.#push({ at: this.#now + Math.max(0, ms), order: this.#asked, run });
  }

  /** Lets time pass up to that moment, or until `isOver`. */
  async runUntil(end: number, isOver: () => boolean = () => false): Promise<void> {
    await settle();
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      this.#now = next.at;
      next.run();
      await settle();
    }
    if (!isOver()) this.#now = Math.max(this.#now, end);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && comesBefore(right, heap[child] as Event)) child += 1;
      if (!comesBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function comesBefore(a: Event, b: Event): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

/** All promises that can settle have done so: setImmediate runs after the microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
