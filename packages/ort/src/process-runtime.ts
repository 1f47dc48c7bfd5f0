import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ClusterError } from "@cogfleet/core";
import type { Tensor, TensorData } from "@cogfleet/model";
import { type ComputeRuntime, computeClient } from "./compute-client.js";
import type { ComputeReply, ComputeRequest, KeptAs } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";
import { keepUsagePrivate } from "./usage-data.js";

/**
 * A runtime in a process of its own: closing it kills the process, and all its memory is back at once, which
 * closing a session does not promise. Tensors are copied on their way: for graphs with small inputs and outputs,
 * such as the text encoder. The process ends when this one does.
 */
export function startProcessRuntime(options: RuntimeOptions): ComputeRuntime {
  keepUsagePrivate();
  const child = fork(fileURLToPath(new URL("./compute-process.js", import.meta.url)), [], {
    serialization: "advanced",
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const gone = once(child, "exit");
  gone.catch(() => {}); // reported by the listeners below
  const client = computeClient(options, {
    post(request: ComputeRequest, transfer) {
      child.send(request, (error) => {
        if (error !== null) client.onEnd(lost(`cannot be reached: ${error.message}`));
      });
      // Sent as a copy; what the caller gave away is gone for it here too.
      if (transfer.length > 0) structuredClone(transfer, { transfer: [...transfer] });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill("SIGKILL"); // safe inside a run, unlike ending a thread
      await gone;
    },
  });
  child.on("message", (reply: ComputeReply) => client.onReply(owned(reply)));
  child.on("error", (cause) => client.onEnd(lost(`failed: ${cause.message}`)));
  child.on("exit", (code, signal) =>
    client.onEnd(
      lost(signal === null ? `ended with code ${code}` : `was ended by ${signal}; is there enough memory?`),
    ),
  );
  return client.runtime;
}

function lost(what: string): ClusterError {
  return new ClusterError("worker_lost", `the compute process ${what}`);
}

/** Arrays arrive as views into the message: the outputs belong to the caller, each in a buffer of its own. */
function owned(reply: ComputeReply): ComputeReply {
  if (reply.kind === "failed") return reply;
  const outputs: Record<string, Tensor | KeptAs> = {};
  for (const [name, tensor] of Object.entries(reply.outputs)) {
    if ("data" in tensor) {
      const typed = { type: tensor.type, data: tensor.data.slice() } as TensorData;
      outputs[name] = { dims: tensor.dims, ...typed };
    } else outputs[name] = tensor;
  }
  return { ...reply, outputs };
}
