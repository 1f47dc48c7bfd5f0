import type { JobEvent } from "@cogfleet/coordinator/testing/domain.js";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { type Caller, serverStream, timeLimit, unary } from "./calls.js";
import type { Dice } from "./dice.js";
import type { History } from "./history.js";
import type { Network } from "./network.js";
import type { Door } from "./sim-coordinator.js";
import { SimProcess } from "./sim-process.js";
import type { Wish } from "./workload.js";
import type { World } from "./world.js";

const CALL_LIMIT_MS = 15_000;
const WATCH_LIMIT_MS = 60_000;
/** What a client asks again after: the answer may be lost, or come later. */
const AGAIN = new Set(["unavailable", "deadline_exceeded", "cancelled", "resource_exhausted"]);

export interface ClientDeps {
  readonly world: World;
  readonly network: Network<Door>;
  /** Hosts of the coordinators: any answers. */
  readonly coordinators: readonly string[];
  readonly dice: Dice;
  readonly history: History;
  readonly onBug: (reason: unknown) => void;
}

/** The people outside: they submit, watch and cancel, and ask again until they are answered. */
export class Clients {
  readonly #deps: ClientDeps;
  readonly #processes: SimProcess[] = [];
  readonly #picks: Dice;
  #busy = 0;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#picks = deps.dice.of("coordinators");
  }

  /** Clients that still wait for something. */
  get busy(): number {
    return this.#busy;
  }

  /** Does what a wish asks for, in its time. */
  start(wish: Wish): void {
    for (let i = 0; i < wish.clients; i++) {
      const name = `client ${wish.name}.${i}`;
      const dice = this.#deps.dice.of(name);
      const process = this.#process(name);
      process.after(wish.at + dice.between(0, 5), () =>
        this.#track(process, this.#live(process, wish, i, dice)),
      );
      if (i === 0 && wish.diesAfterMs !== undefined)
        process.after(wish.at + wish.diesAfterMs + 5, () => process.end());
    }
  }

  async #live(process: SimProcess, wish: Wish, index: number, dice: Dice): Promise<void> {
    const jobId = await this.#submit(process, wish, dice);
    if (jobId === undefined || index > 0) return;
    for (let i = 0; i < wish.watchers; i++) {
      const watcher = this.#process(`watcher ${wish.name}.${i}`);
      this.#track(watcher, this.#watch(watcher, jobId, dice.of(`watch ${i}`)));
    }
    if (wish.cancelAfterMs === undefined) return;
    await process.pass(wish.cancelAfterMs);
    await this.#cancel(process, jobId, dice);
  }

  async #submit(process: SimProcess, wish: Wish, dice: Dice): Promise<string | undefined> {
    const { history } = this.#deps;
    const { body, isBad } = wish;
    const client = process.name;
    const key = body.idempotencyKey;
    const what = JSON.stringify(body);
    for (;;) {
      history.tell({ kind: "asked", client, key, body: what, isBad });
      try {
        const job = await this.#call(process, ({ coordinator }, gone) => coordinator.jobs.submit(body, gone));
        history.tell({ kind: "acknowledged", client, key, body: what, jobId: job.id });
        return job.id;
      } catch (reason) {
        const { code, message } = ClusterError.from(reason);
        history.tell({ kind: "refused", client, key, code, message });
        // Without a key nobody knows whether to ask again: it may become two jobs.
        if (!AGAIN.has(code) || (key === undefined && code !== "resource_exhausted")) return undefined;
      }
      await process.pass(dice.between(200, 2_000));
    }
  }

  async #cancel(process: SimProcess, jobId: string, dice: Dice): Promise<void> {
    for (;;) {
      try {
        const job = await this.#call(process, ({ coordinator }, gone) =>
          coordinator.jobs.cancel(jobId, gone),
        );
        this.#deps.history.tell({ kind: "cancelled", client: process.name, jobId, state: job.state.kind });
        return;
      } catch (reason) {
        if (!AGAIN.has(ClusterError.from(reason).code)) return;
      }
      await process.pass(dice.between(200, 2_000));
    }
  }

  async #watch(process: SimProcess, jobId: string, dice: Dice): Promise<void> {
    const { history } = this.#deps;
    const watcher = process.name;
    for (let seen = 0; ; ) {
      const limit = timeLimit(process, WATCH_LIMIT_MS);
      const watch = ({ coordinator }: Door, gone: AbortSignal): AsyncIterable<JobEvent> =>
        coordinator.jobs.watch(jobId, seen, gone);
      try {
        for await (const event of serverStream(this.#caller(process), watch, limit.signal)) {
          history.tell({ kind: "seen", watcher, jobId, event });
          seen = event.sequence;
          if (dice.chance(0.1)) await process.pass(dice.between(0, 3_000)); // a slow reader
        }
        history.tell({ kind: "watch ended", watcher, jobId, isWhole: true });
        return;
      } catch (reason) {
        const { code } = ClusterError.from(reason);
        if (!AGAIN.has(code)) {
          history.tell({ kind: "watch ended", watcher, jobId, isWhole: false });
          return;
        }
      } finally {
        limit.clear();
      }
      await process.pass(dice.between(200, 2_000));
    }
  }

  async #call<T>(process: SimProcess, handler: (door: Door, gone: AbortSignal) => Promise<T>): Promise<T> {
    const limit = timeLimit(process, CALL_LIMIT_MS, neverAborts);
    try {
      return await unary(this.#caller(process), handler, limit.signal);
    } finally {
      limit.clear();
    }
  }

  #caller(process: SimProcess): Caller<Door> {
    const { network, coordinators, onBug } = this.#deps;
    const host = coordinators[this.#picks.whole(0, coordinators.length - 1)] as string;
    return { network, process, host, onBug };
  }

  #process(name: string): SimProcess {
    const process = new SimProcess(this.#deps.world, name, "clients");
    this.#processes.push(process);
    return process;
  }

  #track(process: SimProcess, work: Promise<void>): void {
    this.#busy += 1;
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.#busy -= 1;
      isOver = true;
    };
    process.onEnd(end);
    work.then(end, (reason: unknown) => {
      end();
      this.#deps.onBug(reason);
    });
  }
}
