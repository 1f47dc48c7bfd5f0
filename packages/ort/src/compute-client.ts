import { ClusterError, orAbort } from "@cogfleet/core";
import { elements, type Graph, type Runtime, type Session, type Tensor } from "@cogfleet/model";
import type { ComputeReply, ComputeRequest } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";

type Outputs = Readonly<Record<string, Tensor>>;
type Inputs = Readonly<Record<string, Tensor>>;

/** A runtime on a device that may not be there. */
export interface ComputeRuntime extends Runtime {
  /** Resolves once the device has computed something; `unsupported` says what is missing. `open` waits for it too. */
  ready(signal: AbortSignal): Promise<void>;
}

/** The far side of a runtime: a thread or a process that runs a compute server. */
export interface ComputePeer {
  /** Sends a request; buffers in `transfer` become the peer's. */
  post(request: ComputeRequest, transfer: readonly ArrayBuffer[]): void;
  /** Ends the peer without harm to this process, whatever it is doing; resolves when it is gone. */
  stop(): Promise<void>;
}

/** What the owner of the peer tells the client. */
export interface ComputeClient {
  readonly runtime: ComputeRuntime;
  onReply(reply: ComputeReply): void;
  /** The peer is gone: every call that waits, and every later one, fails with `error`. */
  onEnd(error: ClusterError): void;
}

/** The near side of a runtime: sessions as numbers, calls as messages with ids. */
export function computeClient(options: RuntimeOptions, peer: ComputePeer): ComputeClient {
  const waiting = new Map<number, { resolve(outputs: Outputs): void; reject(error: ClusterError): void }>();
  let lastId = 0;
  let ended: ClusterError | undefined;
  let stopped: Promise<void> | undefined;

  const nextId = (): number => {
    lastId += 1;
    return lastId;
  };
  function ask(request: ComputeRequest, transfer: readonly ArrayBuffer[] = []): Promise<Outputs> {
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      peer.post(request, transfer);
      waiting.set(request.id, { resolve, reject });
    });
  }
  function onEnd(error: ClusterError): void {
    ended ??= error;
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  }
  const started = ask({ kind: "start", id: nextId(), options });
  started.catch(() => {}); // told to whoever calls ready or open

  function sessionOf(session: number, graph: Graph): Session {
    let closing: Promise<Outputs> | undefined;
    return {
      async run(inputs, signal, runOptions) {
        signal.throwIfAborted();
        if (closing !== undefined)
          throw new ClusterError("internal", `${graph.name} was run after its close`);
        requireInputs(graph, inputs);
        const transfer = (runOptions?.transfer ?? []).flatMap((name) => inputs[name]?.data.buffer ?? []);
        // Empty ones have nothing to give, and Node 24 does not let them be transferred.
        const buffers = [...new Set(transfer as ArrayBuffer[])].filter(({ byteLength }) => byteLength > 0);
        const outputs = await orAbort(ask({ kind: "run", id: nextId(), session, inputs }, buffers), signal);
        signal.throwIfAborted();
        return outputs;
      },
      async close() {
        if (ended !== undefined) return;
        closing ??= ask({ kind: "close", id: nextId(), session });
        // A runtime that ends meanwhile has closed the session too.
        await closing.catch((error: unknown) => {
          if (ended === undefined) throw error;
        });
      },
    };
  }

  return {
    onEnd,
    onReply(reply) {
      const caller = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (reply.kind === "done") caller?.resolve(reply.outputs);
      else caller?.reject(new ClusterError(reply.code, reply.message));
    },
    runtime: {
      isFar: options.device.kind === "cuda",
      async ready(signal) {
        signal.throwIfAborted();
        await orAbort(started, signal);
      },
      async open(graph, signal) {
        signal.throwIfAborted();
        await orAbort(started, signal);
        const session = nextId();
        const opened = ask({ kind: "open", id: nextId(), session, graph });
        try {
          await orAbort(opened, signal);
        } catch (error) {
          // Given up by the caller, it would stay loaded with nobody to close it.
          opened.then(() => ask({ kind: "close", id: nextId(), session })).catch(() => {});
          throw error;
        }
        return sessionOf(session, graph);
      },
      async close() {
        onEnd(new ClusterError("cancelled", "the runtime was closed"));
        stopped ??= peer.stop();
        await stopped;
      },
    },
  };
}

/** A wrong shape found here names the input; found inside a run it would name a node. */
function requireInputs(graph: Graph, inputs: Inputs): void {
  for (const { name, type, dims } of graph.inputs) {
    const given = inputs[name];
    if (given === undefined)
      throw new ClusterError("tensor_mismatch", `${graph.name}: input ${name} is missing`);
    const fits =
      given.type === type &&
      given.dims.length === dims.length &&
      dims.every((dim, i) => typeof dim === "string" || dim === given.dims[i]) &&
      given.data.length === elements(given.dims);
    if (!fits)
      throw new ClusterError(
        "tensor_mismatch",
        `${graph.name}: input ${name} is ${given.type} [${given.dims.join(", ")}] of ${given.data.length} values, expected ${type} [${dims.join(", ")}]`,
      );
  }
  const known = new Set(graph.inputs.map((port) => port.name));
  const extra = Object.keys(inputs).filter((name) => !known.has(name));
  if (extra.length > 0)
    throw new ClusterError("tensor_mismatch", `${graph.name} has no input ${extra.join(", ")}`);
}
