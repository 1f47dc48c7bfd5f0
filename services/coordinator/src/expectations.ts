import { parseParallel } from "@cogfleet/parallel";
import type { JobRequest } from "./job.js";
import type { LinkTable } from "./links.js";
import { type Expectation, expectOn, type PlannedWorker } from "./planning.js";

/** Of requests of one shape on the same workers there are few at a time. */
const REMEMBERED = 500;

/** What jobs are expected to take on which workers. To weigh plans takes up to 300 ms: what was asked before is remembered. */
export class Expectations {
  readonly #links: Pick<LinkTable, "between">;
  readonly #known = new Map<string, Expectation | undefined>();

  constructor(links: Pick<LinkTable, "between">) {
    this.#links = links;
  }

  of(request: JobRequest, workers: readonly PlannedWorker[]): Expectation | undefined {
    const key = keyOf(request, workers);
    if (this.#known.has(key)) return this.#known.get(key);
    const choice = parseParallel(request.parallel) ?? {};
    const expected = expectOn(request, choice, workers, this.#links);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(key, expected);
    return expected;
  }
}

function keyOf(request: JobRequest, workers: readonly PlannedWorker[]): string {
  const { model, parallel, numFrames, height, width, numInferenceSteps } = request;
  const { guidanceScale, maxSequenceLength, vaeTiling, scheduler } = request;
  const shape = [model, parallel, numFrames, height, width, numInferenceSteps, guidanceScale];
  const facts = workers.map(({ worker, transformerForm, slowness }) => [
    worker.id,
    worker.flopsPerSecond,
    transformerForm,
    slowness,
  ]);
  return JSON.stringify([...shape, maxSequenceLength, vaeTiling, scheduler, facts]);
}
