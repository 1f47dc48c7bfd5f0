import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { GraphBuilder } from "@cogfleet/model";
import { computeClient } from "./compute-client.js";
import type { ComputeRequest } from "./compute-messages.js";
import { parseDevice } from "./device.js";

function setUp() {
  const asked: ComputeRequest[] = [];
  const client = computeClient(
    { device: parseDevice("cpu"), precision: "fp32", threads: 1, spin: false },
    { post: (request) => void asked.push(request), stop: async () => {} },
  );
  for (const { id } of asked) client.onReply({ kind: "done", id, outputs: {} }); // it has started
  const graph = new GraphBuilder("doubling", "fp32");
  const x = graph.input("x", ["n"]);
  graph.output("y", graph.node("Add", [x, x]), ["n"]);
  const open = () => client.runtime.open(graph.build(), neverAborts);
  return { client, open };
}

describe("a runtime whose far side has ended", () => {
  it("tells the call that ended it why, and later ones that it is gone: they asked for nothing wrong", async () => {
    const { client, open } = setUp();
    const ending = assert.rejects(open(), { code: "out_of_memory", message: "the heap is full" });
    await new Promise((resolve) => setImmediate(resolve)); // it is asked
    client.onEnd(new ClusterError("out_of_memory", "the heap is full"));
    client.onEnd(new ClusterError("worker_lost", "the compute thread ended with code 1"));
    await ending;
    await assert.rejects(open(), { code: "worker_lost", message: "the heap is full" });
  });

  it("stays closed when it was closed", async () => {
    const { client, open } = setUp();
    await client.runtime.close();
    client.onEnd(new ClusterError("worker_lost", "the compute thread ended with code 0"));
    await assert.rejects(open(), { code: "cancelled" });
  });
});
