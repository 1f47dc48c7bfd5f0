import { neverAborts, systemClock } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { Event__Output } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationClient } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { SubmitRequest } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { callUnary, readStream } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";

const PATIENCE_MS = 240_000;

/** A client of a coordinator. */
export class Submitter {
  readonly client: GenerationClient;

  constructor(port: number) {
    this.client = new generationApi.Generation(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  /** Submits a job of the demo checkpoint, as soon as a worker has offered one. */
  async submit(request: SubmitRequest = {}): Promise<Job__Output> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const { models } = await callUnary<{ models: object[] }>(
        (done) => this.client.listModels({}, done),
        deadline,
      );
      if (models.length > 0) break;
      await systemClock.sleep(50, deadline);
    }
    return this.submitOnce(request);
  }

  submitOnce(request: SubmitRequest): Promise<Job__Output> {
    const body = { prompt: "a red circle moves right", seed: "7", ...request };
    return callUnary<Job__Output>((done) => this.client.submit(body, done), neverAborts);
  }

  cancel(jobId: string): Promise<Job__Output> {
    return callUnary<Job__Output>((done) => this.client.cancel({ jobId }, done), neverAborts);
  }

  /** The job's events until it ends, as they come. */
  watch(jobId: string): AsyncGenerator<Event__Output> {
    return readStream<Event__Output>(this.client.watch({ jobId }), AbortSignal.timeout(PATIENCE_MS));
  }

  /** Resolves when the job has come so far: "denoise" with so many steps, or a state. */
  async until(jobId: string, isThere: (event: Event__Output) => boolean): Promise<void> {
    for await (const event of this.watch(jobId)) if (isThere(event)) return;
    throw new Error(`job ${jobId} ended before`);
  }

  /** Resolves when the job has ended, with its last state. */
  async ended(jobId: string): Promise<string> {
    let state = "";
    for await (const event of this.watch(jobId)) state = event.state;
    return state;
  }

  close(): void {
    this.client.close();
  }
}
