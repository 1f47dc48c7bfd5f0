import { once } from "node:events";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { ClusterError } from "@cogfleet/core";
import { type ComputeRuntime, computeClient, type OnRun } from "./compute-client.js";
import type { ComputeReply } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";
import { keepUsagePrivate } from "./usage-data.js";

/**
 * A runtime whose sessions live in a thread of their own, so that the caller's event loop stays free. Closing it
 * waits for the run in progress: ONNX Runtime aborts the process when its thread is terminated inside a run, and
 * so does process.exit(): close the runtime first.
 */
export function startThreadRuntime(options: RuntimeOptions, onRun?: OnRun): ComputeRuntime {
  keepUsagePrivate();
  const stopping = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL("./compute-thread.js", import.meta.url), {
    workerData: stopping,
    env: SHARE_ENV, // a copy of the environment would be out of the libraries' sight (exact-products.ts, usage-data.ts)
  });
  const gone = once(thread, "exit").catch(() => {}); // a failure is reported below
  const client = computeClient(
    options,
    {
      post: (request, transfer) => thread.postMessage(request, transfer),
      async stop() {
        Atomics.store(stopping, 0, 1);
        thread.postMessage("stop");
        await gone;
      },
    },
    onRun,
  );
  thread.on("message", (reply: ComputeReply) => client.onReply(reply));
  thread.on("error", (cause: Error & { code?: string }) => {
    const code = cause.code === "ERR_WORKER_OUT_OF_MEMORY" ? "out_of_memory" : "internal";
    client.onEnd(new ClusterError(code, `the compute thread failed: ${cause.message}`, { cause }));
  });
  thread.on("exit", (code) =>
    client.onEnd(new ClusterError("worker_lost", `the compute thread ended with code ${code}`)),
  );
  return client.runtime;
}
