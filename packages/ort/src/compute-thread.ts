// Entry point of the thread that computes: runs block it, so nothing else lives here.
import { parentPort, workerData } from "node:worker_threads";
import { ClusterError } from "@cogfleet/core";
import type { Tensor } from "@cogfleet/model";
import type { ComputeReply, ComputeRequest } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";
import { type LoadedGraph, loadGraph } from "./session.js";

const port = parentPort;
if (port === null) throw new Error("compute-thread runs as a worker thread only");
const options = workerData as RuntimeOptions;
const sessions = new Map<number, LoadedGraph>();

// One request at a time, in order: sessions share the device.
let turn: Promise<void> = Promise.resolve();
port.on("message", (request: ComputeRequest) => {
  turn = turn.then(() => answer(request));
});

async function answer(request: ComputeRequest): Promise<void> {
  const { id } = request;
  try {
    const outputs = await perform(request);
    const buffers = Object.values(outputs).map((tensor) => tensor.data.buffer as ArrayBuffer);
    port?.postMessage({ kind: "done", id, outputs } satisfies ComputeReply, [...new Set(buffers)]);
  } catch (reason) {
    const { code, message } = ClusterError.from(reason);
    port?.postMessage({ kind: "failed", id, code, message } satisfies ComputeReply);
  }
}

async function perform(request: ComputeRequest): Promise<Readonly<Record<string, Tensor>>> {
  switch (request.kind) {
    case "open":
      sessions.set(request.session, await loadGraph(request.graph, options));
      return {};
    case "run": {
      const session = sessions.get(request.session);
      if (session === undefined) throw new ClusterError("internal", `session ${request.session} is not open`);
      return session.run(request.inputs);
    }
    case "close": {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      await session?.release();
      return {};
    }
  }
}
