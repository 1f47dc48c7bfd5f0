import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { anyOf } from "./any-of.js";
import type { GenerationClient, JobEvent, Submission } from "./generation.js";

const gone = async (): Promise<never> => {
  throw new ClusterError("peer_lost", "cannot reach the coordinator");
};

function client(over: Partial<GenerationClient>): GenerationClient {
  return { get: gone, submit: gone, ...over } as GenerationClient;
}

describe("anyOf", () => {
  it("goes on to the next when one cannot be reached, and stays with the one that answered", async () => {
    const asked: string[] = [];
    const answering = (name: string, answer: () => Promise<never>) =>
      client({
        get: () => {
          asked.push(name);
          return answer();
        },
      });
    const no = async (): Promise<never> => {
      throw new ClusterError("job_not_found", "no such job");
    };
    const any = anyOf([answering("a", gone), answering("b", no), answering("c", no)], () => "key");
    for (let i = 0; i < 2; i++) await assert.rejects(any.get("j", neverAborts), /no such job/);
    assert.deepEqual(asked, ["a", "b", "b"]);
  });

  it("asks each once, and says what the last one said", async () => {
    let asked = 0;
    const counting = client({
      get: () => {
        asked += 1;
        return gone();
      },
    });
    await assert.rejects(anyOf([counting, counting, counting], () => "key").get("j", neverAborts), {
      code: "peer_lost",
    });
    assert.equal(asked, 3);
  });

  it("submits under one key wherever it goes on", async () => {
    const keys: (string | undefined)[] = [];
    const noting = client({
      submit: ({ idempotencyKey }) => {
        keys.push(idempotencyKey);
        return gone();
      },
    });
    const fresh = ["key 1", "key 2"];
    const any = anyOf([noting, noting], () => fresh.shift() ?? "");
    const submission: Submission = { prompt: "a", embedMetadata: true, extraArtifacts: [] };
    await assert.rejects(any.submit(submission, neverAborts));
    await assert.rejects(any.submit({ ...submission, idempotencyKey: "mine" }, neverAborts));
    assert.deepEqual(keys, ["key 1", "key 1", "mine", "mine"]);
  });

  it("takes a broken watch up with the next one, after the last event seen", async () => {
    const event = (sequence: number) => ({ sequence }) as JobEvent;
    const breaks = client({
      async *watch() {
        yield event(1);
        await gone();
      },
    });
    const goesOn = client({
      async *watch(_jobId, after) {
        yield event(after + 1);
      },
    });
    const any = anyOf([breaks, goesOn], () => "key");
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const { sequence } of any.watch("j", 0, neverAborts)) seen.push(sequence);
    });
    for await (const { sequence } of any.watch("j", 1, neverAborts)) seen.push(sequence);
    assert.deepEqual(seen, [1, 2]);
  });
});
