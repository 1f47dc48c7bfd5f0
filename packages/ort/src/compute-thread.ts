// Entry point of the thread that computes: runs block it, so nothing else lives here.
import { parentPort, workerData } from "node:worker_threads";
import type { ComputeReply, ComputeRequest } from "./compute-messages.js";
import { computeServer } from "./compute-server.js";

const port = parentPort;
if (port === null || !(workerData instanceof Int32Array))
  throw new Error("compute-thread runs as a worker thread of the runtime only");
/** Shared with the owner, who sets it to 1: read between two requests, since messages queue up behind a run. */
const stopping = workerData;
const isStopping = (): boolean => Atomics.load(stopping, 0) === 1;

const answer = computeServer((reply) => port.postMessage(reply, [...buffersOf(reply)]), isStopping);
port.on("message", (request: ComputeRequest | "stop") => {
  if (request !== "stop") void answer(request);
  // Leaving by itself, after the run, is the one safe way out: terminating a thread inside a run aborts the process.
  if (isStopping()) port.close();
});

function buffersOf(reply: ComputeReply): Set<ArrayBuffer> {
  if (reply.kind === "failed") return new Set();
  return new Set(
    Object.values(reply.outputs).flatMap((tensor) =>
      "data" in tensor ? (tensor.data.buffer as ArrayBuffer) : [],
    ),
  );
}
