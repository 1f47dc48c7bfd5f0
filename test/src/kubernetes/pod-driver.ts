import { neverAborts, systemClock } from "@cogfleet/core";
import type { Pod } from "./chart.js";
import type { ControlPlane } from "./control-plane.js";
import { type PodProcess, podsOf } from "./pod-process.js";

export interface PodDriverDeps {
  readonly plane: ControlPlane;
  readonly namespace: string;
  readonly selector: string;
  /** Starts what a pod runs. */
  readonly run: (pod: Pod) => Promise<PodProcess>;
}

/** What kubelets would do, as far as processes go: one for each pod that is there, SIGTERM for each that is going. */
export class PodDriver {
  readonly exitCodes: (number | null)[] = [];
  readonly #deps: PodDriverDeps;
  readonly #running = new Map<string, PodProcess>();
  readonly #stopping = new AbortController();
  #isPaused = true;
  #loop: Promise<void> | undefined;

  constructor(deps: PodDriverDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#isPaused = false;
    this.#loop ??= this.#drive();
  }

  /** Starts no more processes; those of pods that go are still ended. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Resolves once so many processes run, and none is ending. */
  async reaches(count: number): Promise<void> {
    while (this.#running.size !== count) {
      await Promise.race([systemClock.sleep(50, this.#stopping.signal), this.#loop]);
      this.#stopping.signal.throwIfAborted();
    }
  }

  /** Ends them all. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the driver was stopped"));
    await this.#loop?.catch(() => {});
    await Promise.all([...this.#running.values()].map((process) => process.stop()));
  }

  async #drive(): Promise<void> {
    const { plane, namespace, selector, run } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      const pods = await podsOf(plane, namespace, selector);
      const names = new Set(pods.map(({ metadata }) => metadata.name));
      await Promise.all(
        [...this.#running].map(async ([name, process]) => {
          if (names.has(name)) return;
          this.exitCodes.push(await process.stop());
          this.#running.delete(name);
        }),
      );
      if (!this.#isPaused)
        await Promise.all(
          pods.map(async (pod) => {
            const { name } = pod.metadata;
            if (!this.#running.has(name)) this.#running.set(name, await run(pod));
          }),
        );
      await systemClock.sleep(100, neverAborts);
    }
  }
}
