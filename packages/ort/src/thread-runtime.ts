import { Worker } from "node:worker_threads";
import { ClusterError, orAbort } from "@cogfleet/core";
import type { Runtime, Session, Tensor } from "@cogfleet/model";
import type { ComputeReply, ComputeRequest } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";

type Outputs = Readonly<Record<string, Tensor>>;

/** A runtime whose sessions live in a thread of their own, so that the caller's event loop stays free. */
export function startThreadRuntime(options: RuntimeOptions): Runtime {
  const thread = new Worker(new URL("./compute-thread.js", import.meta.url), { workerData: options });
  const waiting = new Map<number, { resolve(outputs: Outputs): void; reject(error: ClusterError): void }>();
  let lastId = 0;
  let ended: ClusterError | undefined;

  thread.on("message", (reply: ComputeReply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === "done") caller?.resolve(reply.outputs);
    else caller?.reject(new ClusterError(reply.code, reply.message));
  });
  const end = (error: ClusterError): void => {
    ended ??= error;
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  };
  thread.on("error", (cause) => end(new ClusterError("internal", "the compute thread failed", { cause })));
  thread.on("exit", (code) =>
    end(new ClusterError("internal", `the compute thread ended with code ${code}`)),
  );

  function ask(request: ComputeRequest, transfer: readonly ArrayBuffer[] = []): Promise<Outputs> {
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.set(request.id, { resolve, reject });
      thread.postMessage(request, transfer);
    });
  }
  const nextId = (): number => {
    lastId += 1;
    return lastId;
  };

  return {
    async open(graph, signal): Promise<Session> {
      signal.throwIfAborted();
      const session = nextId();
      await orAbort(ask({ kind: "open", id: nextId(), session, graph }), signal);
      let closing: Promise<Outputs> | undefined;
      return {
        async run(inputs, runSignal, runOptions) {
          runSignal.throwIfAborted();
          const transfer = (runOptions?.transfer ?? []).map(
            (name) => inputs[name]?.data.buffer as ArrayBuffer,
          );
          const outputs = await orAbort(
            ask({ kind: "run", id: nextId(), session, inputs }, transfer),
            runSignal,
          );
          runSignal.throwIfAborted();
          return outputs;
        },
        async close() {
          if (ended !== undefined) return;
          closing ??= ask({ kind: "close", id: nextId(), session });
          await closing;
        },
      };
    },
    async close() {
      end(new ClusterError("cancelled", "the runtime was closed"));
      await thread.terminate();
    },
  };
}
