import type { Clock } from "@cogfleet/core";
import type { Backlog } from "./backlog.js";
import type { Capacities } from "./capacity.js";
import { ChangeGate } from "./change-gate.js";
import { parseScaleTarget, type ScaleFigures, type ScaleTarget, scaleFigures } from "./scale-figures.js";

export interface ScalingDeps {
  readonly backlog: Backlog;
  readonly capacities: Capacities;
  readonly clock: Clock;
}

/** What autoscalers are told, over gRPC and HTTP. */
export class Scaling {
  readonly #deps: ScalingDeps;

  constructor(deps: ScalingDeps) {
    this.#deps = deps;
  }

  figures(target: ScaleTarget): ScaleFigures {
    const { backlog, capacities, clock } = this.#deps;
    const { model } = target;
    const isKnown = model === undefined ? capacities.models().length > 0 : capacities.isKnown(model);
    return scaleFigures(target, backlog.figures(model), isKnown, clock.wallTime());
  }

  /** Whether there is anything to do: at once, then each time that this changes, until the signal aborts. */
  async *activity(target: ScaleTarget, signal: AbortSignal): AsyncGenerator<boolean, void, undefined> {
    const changes = new ChangeGate();
    const unsubscribe = this.#deps.backlog.onChange(() => changes.open());
    try {
      for (let last: boolean | undefined; !signal.aborted; ) {
        changes.close(); // before reading: a change between the read and the wait must not be missed
        const { isActive } = this.figures(target);
        if (isActive !== last) yield isActive;
        last = isActive;
        await changes.opened(signal).catch((reason: unknown) => {
          if (!signal.aborted) throw reason;
        });
      }
    } finally {
      unsubscribe();
    }
  }

  /**
   * The answer to GET /scale: the figures of the target that the query describes, and those of each model. Throws
   * `invalid_request`.
   */
  report(query: Readonly<Record<string, string>>): object {
    const { backlog, capacities, clock } = this.#deps;
    const target = parseScaleTarget(query);
    const now = clock.wallTime();
    const models = [...new Set([...backlog.models(), ...capacities.models()])].sort();
    return {
      target,
      ...this.figures(target),
      models: models.map((model) => {
        const { oldestQueuedAt, workSeconds, queuedWorkSeconds, correction, ...jobs } =
          backlog.figures(model);
        return {
          model,
          ...jobs,
          backlogWorkSeconds: workSeconds,
          queuedWorkSeconds,
          oldestQueuedAgeSeconds:
            oldestQueuedAt === undefined ? 0 : Math.max(0, (now - oldestQueuedAt) / 1000),
          estimateCorrection: correction,
          workerFlopsPerSecond: capacities.of(model).flopsPerSecond,
        };
      }),
    };
  }
}
