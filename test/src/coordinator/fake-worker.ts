import { createHash } from "node:crypto";
import { neverAborts } from "@cogfleet/core";
import { fleetApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Artifact } from "@cogfleet/proto/gen/cogfleet/v1/Artifact";
import type { Assign__Output } from "@cogfleet/proto/gen/cogfleet/v1/Assign";
import type { CoordinatorMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { FleetClient } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { Hello } from "@cogfleet/proto/gen/cogfleet/v1/Hello";
import type { Model } from "@cogfleet/proto/gen/cogfleet/v1/Model";
import type { WorkerMessage } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { callUnary, fromServiceError } from "@cogfleet/service";
import { type ClientDuplexStream, credentials, type ServiceError } from "@grpc/grpc-js";

type Kind = NonNullable<CoordinatorMessage__Output["message"]>;

/** A small text-to-video model that needs no checkpoint. */
export function fakeModel(over: Partial<Model> = {}): Model {
  return {
    name: "demo",
    digest: "d".repeat(64),
    variant: "1.0",
    limits: { minHeight: 16, maxHeight: 64, minWidth: 16, maxWidth: 64, maxNumFrames: 17 },
    defaultScheduler: "ddim",
    defaultHeight: 32,
    defaultWidth: 32,
    defaultNumFrames: 9,
    defaultFps: 8,
    maxTextSeqLength: 16,
    ...over,
  };
}

/** A worker that speaks the protocol over gRPC and computes nothing. */
export class FakeWorker {
  readonly id: string;
  /** What the coordinator's end of the stream was, once it has ended; undefined for OK. */
  readonly ended: Promise<ServiceError | undefined>;
  readonly #client: FleetClient;
  readonly #stream: ClientDuplexStream<WorkerMessage, CoordinatorMessage__Output>;
  readonly #messages: CoordinatorMessage__Output[] = [];
  #arrived: () => void = () => {};

  constructor(port: number, id: string, hello: Hello = {}) {
    this.id = id;
    this.#client = new fleetApi.Fleet(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#stream = this.#client.connect();
    this.#stream.on("data", (message: CoordinatorMessage__Output) => {
      this.#messages.push(message);
      this.#arrived();
    });
    this.ended = new Promise((resolve) => {
      this.#stream.on("error", resolve);
      this.#stream.on("end", () => resolve(undefined));
    });
    const models = [fakeModel()];
    this.send({
      hello: { protocolVersion: PROTOCOL_VERSION, workerId: id, device: "cpu", models, ...hello },
    });
  }

  send(message: WorkerMessage): void {
    this.#stream.write(message);
  }

  /** The next message of this kind; those of other kinds stay. Throws what the stream ended with. */
  async next<K extends Kind>(kind: K): Promise<NonNullable<CoordinatorMessage__Output[K]>> {
    for (;;) {
      const index = this.#messages.findIndex((message) => message.message === kind);
      const found = this.#messages[index]?.[kind];
      if (found) {
        this.#messages.splice(index, 1);
        return found;
      }
      const arrival = new Promise<"message">((resolve) => {
        this.#arrived = () => resolve("message");
      });
      const what = await Promise.race([arrival, this.ended]);
      if (what !== "message")
        throw what === undefined ? new Error("the stream ended") : fromServiceError(what);
    }
  }

  async put(assign: Assign__Output, data: Buffer, over: Partial<Artifact> = {}): Promise<Artifact> {
    const sha256 = createHash("sha256").update(data).digest("hex");
    const artifact: Artifact = {
      kind: "ARTIFACT_KIND_VIDEO",
      bytes: data.byteLength,
      sha256,
      mediaType: "video/mp4",
      ...over,
    };
    const { jobId, epoch } = assign;
    await callUnary((done) => {
      const call = this.#client.putArtifact(done);
      call.write({ header: { protocolVersion: PROTOCOL_VERSION, jobId, epoch, artifact } });
      for (let at = 0; at < data.byteLength; at += 1 << 20)
        call.write({ data: data.subarray(at, at + (1 << 20)) });
      call.end();
      return call;
    }, neverAborts);
    return artifact;
  }

  /** Does a job as a real worker would: stages, steps, the video, the report. */
  async perform(assign: Assign__Output, video: Buffer): Promise<void> {
    const { jobId, epoch, request } = assign;
    this.send({ stageStarted: { jobId, epoch, stage: "STAGE_ENCODE" } });
    this.send({ stageStarted: { jobId, epoch, stage: "STAGE_DENOISE" } });
    for (let step = 1; step <= (request?.numInferenceSteps ?? 0); step++) {
      this.send({ stepDone: { jobId, epoch, step, seconds: 0.25 } });
    }
    this.send({ stageStarted: { jobId, epoch, stage: "STAGE_DECODE" } });
    const artifacts = [await this.put(assign, video)];
    this.send({ assignmentDone: { jobId, epoch, artifacts, decodeSeconds: 1.5 } });
  }

  /** As if the process were killed: the connection is gone. */
  kill(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
