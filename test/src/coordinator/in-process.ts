import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCoordinatorConfig, type RunningCoordinator, startCoordinator } from "@cogfleet/coordinator";
import { type Logger, neverAborts, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { callUnary } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import { FakeWorker } from "./fake-worker.js";

/** A coordinator in this process, on free ports and a folder of its own, with what a test does to it. */
export interface TestCoordinator extends RunningCoordinator {
  readonly client: GenerationClient;
  worker(id: string, hello?: ConstructorParameters<typeof FakeWorker>[2]): FakeWorker;
  submit(request?: SubmitRequest): Promise<Job__Output>;
  get(jobId: string): Promise<Job__Output>;
}

/** Starts one for the time of `use`, and fails when anything unexpected was logged. */
export async function withCoordinator(
  use: (coordinator: TestCoordinator) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "cogfleet-coordinator-"));
  const errors: object[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (fields, message) => errors.push({ message, ...fields }),
    child: () => log,
  };
  const config = parseCoordinatorConfig(["--port", "0", "--data", data, ...flags], {});
  const running = await startCoordinator(config, { clock: systemClock, random: systemRandom, log });
  const client = new generationApi.Generation(`127.0.0.1:${running.port}`, credentials.createInsecure());
  const workers: FakeWorker[] = [];
  try {
    await use({
      ...running,
      client,
      worker: (id, hello) => {
        const worker = new FakeWorker(running.port, id, hello);
        workers.push(worker);
        return worker;
      },
      submit: (request = {}) =>
        callUnary<Job__Output>(
          (done) => client.submit({ prompt: "a red circle", numInferenceSteps: 3, ...request }, done),
          neverAborts,
        ),
      get: (jobId) => callUnary<Job__Output>((done) => client.get({ jobId }, done), neverAborts),
    });
    if (errors.length > 0) throw new AggregateError(errors, "the coordinator logged errors");
  } finally {
    for (const worker of workers) worker.kill();
    client.close();
    await running.stop(AbortSignal.timeout(5_000));
    rmSync(data, { recursive: true, force: true });
  }
}
