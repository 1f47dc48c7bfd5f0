import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ClusterError, neverAborts, silentLogger, systemClock } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { GenerationHandlers } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { SubmitRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/SubmitRequest";
import { type RpcServer, serverStream, startRpcServer, unary } from "@cogfleet/service";
import { credentials } from "@grpc/grpc-js";
import type { GenerationClient } from "./generation.js";
import { connectGeneration } from "./grpc-client.js";

const submitted: SubmitRequest__Output[] = [];

const handlers = {
  Submit: unary("Submit", silentLogger, async (request: SubmitRequest__Output) => {
    submitted.push(request);
    return {
      id: "job-1",
      state: "JOB_STATE_QUEUED",
      request: { ...request, seed: "9007199254740991" },
      createTime: { seconds: "1767225600", nanos: 500_000_000 },
      artifacts: [{ kind: "ARTIFACT_KIND_VIDEO", bytes: "12", sha256: "ab", mediaType: "video/mp4" }],
    } as const;
  }),
  Get: unary("Get", silentLogger, async ({ jobId }) => {
    throw new ClusterError("job_not_found", `there is no job "${jobId}"`);
  }),
  List: unary("List", silentLogger, async ({ pageToken }) => {
    const id = pageToken === "" ? "first" : pageToken;
    const next = { first: "second", second: "third" }[id] ?? "";
    return { jobs: [{ id, state: "JOB_STATE_RUNNING" as const }], nextPageToken: next };
  }),
  Watch: serverStream("Watch", silentLogger, async function* ({ afterSequence }) {
    yield {
      sequence: Number(afterSequence) + 1,
      state: "JOB_STATE_RUNNING",
      stage: "STAGE_DENOISE",
      step: 3,
    };
    throw new ClusterError("unavailable", "the coordinator is stopping");
  }),
  ListModels: unary("ListModels", silentLogger, async () => {
    throw new ClusterError("unavailable", "no worker has offered a model yet");
  }),
} satisfies Partial<GenerationHandlers>;

describe("the client", () => {
  let server: RpcServer;
  let client: GenerationClient;
  before(async () => {
    const service = { definition: generationApi.Generation.service, handlers };
    server = await startRpcServer({ host: "127.0.0.1", port: 0, services: [service], log: silentLogger });
    client = connectGeneration(`127.0.0.1:${server.port}`, credentials.createInsecure(), systemClock);
  });
  after(async () => {
    client.close();
    await server.stop(AbortSignal.timeout(1000));
  });

  it("leaves out of a request what was not given", async () => {
    const submission = {
      prompt: "x",
      height: undefined,
      fps: 12,
      embedMetadata: false,
      extraArtifacts: ["frames"],
    } as const;
    const job = await client.submit(submission, neverAborts);
    const [request] = submitted;
    assert.equal(request?.height, undefined);
    assert.deepEqual([request?.fps, request?.embedMetadata], [12, false]);
    assert.deepEqual(request?.extraArtifacts, ["ARTIFACT_KIND_FRAMES"]);
    assert.deepEqual([job.id, job.state, job.createTime], ["job-1", "queued", "2026-01-01T00:00:00.500Z"]);
    assert.equal(job.request["seed"], Number.MAX_SAFE_INTEGER);
    assert.deepEqual(job.artifacts, [{ kind: "video", bytes: 12, sha256: "ab", mediaType: "video/mp4" }]);
  });

  it("fails with the coordinator's own code", async () => {
    await assert.rejects(client.get("nope", neverAborts), {
      code: "job_not_found",
      message: 'there is no job "nope"',
    });
    await assert.rejects(client.models(neverAborts), { code: "unavailable" });
  });

  it("reads page after page, up to the limit", async () => {
    const list = async (limit: number): Promise<string[]> =>
      (await client.list({ states: [], limit }, neverAborts)).map(({ id }) => id);
    assert.deepEqual(await list(10), ["first", "second", "third"]);
    assert.deepEqual(await list(2), ["first", "second"]);
  });

  it("gives a watch's events, then what broke it", async () => {
    const sequences: number[] = [];
    const watching = (async () => {
      for await (const event of client.watch("job-1", 41, neverAborts)) {
        assert.deepEqual([event.stage, event.step], ["denoise", 3]);
        sequences.push(event.sequence);
      }
    })();
    await assert.rejects(watching, { code: "unavailable", message: "the coordinator is stopping" });
    assert.deepEqual(sequences, [42]);
  });

  it("says at once when nobody is there", async () => {
    const nobody = connectGeneration("127.0.0.1:1", credentials.createInsecure(), systemClock);
    await assert.rejects(nobody.get("j", neverAborts), {
      code: "peer_lost",
      message: "cannot reach the coordinator at 127.0.0.1:1: is it running?",
    });
    nobody.close();
  });
});
