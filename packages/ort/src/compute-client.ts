import { ClusterError, orAbort } from "@cogfleet/core";
import {
  forgetKept,
  type Given,
  type Graph,
  openAlternatives,
  type Runtime,
  requireInputs,
  type Session,
  type Tensor,
} from "@cogfleet/model";
import type { ComputeReply, ComputeRequest, KeptAs } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";
import { KeptTensors } from "./kept-tensors.js";

type Outputs = Readonly<Record<string, Tensor | KeptAs>>;

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
  /**
   * The peer is gone: every call that waits fails with `error`, and every later one too, as `worker_lost` when it was
   * what that call asked for, such as too much memory, that ended the peer. The first reason stays.
   */
  onEnd(error: ClusterError): void;
}

/**
 * Told of everything that the far side is given to compute, and of its end, which waits for that: `done` settles when the
 * far side has done with it, be its caller gone by then, as `signal` tells.
 */
export type OnRun = (done: Promise<unknown>, signal: AbortSignal) => void;

/** The near side of a runtime: sessions as numbers, calls as messages with ids. */
export function computeClient(
  options: RuntimeOptions,
  peer: ComputePeer,
  onRun: OnRun = () => {},
): ComputeClient {
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
    ended ??=
      error.code === "cancelled" ? error : new ClusterError("worker_lost", error.message, { cause: error });
    for (const caller of waiting.values()) caller.reject(error);
    waiting.clear();
  }
  const kept = new KeptTensors((number) => {
    ask({ kind: "forget", id: nextId(), kept: number }).catch(() => {}); // with the far side it is gone as well
  });
  const started = ask({ kind: "start", id: nextId(), options });
  started.catch(() => {}); // told to whoever calls ready or open

  function sessionOf(session: number, graph: Graph): Session {
    let closing: Promise<Outputs> | undefined;
    async function compute(
      inputs: Readonly<Record<string, Given>>,
      signal: AbortSignal,
      {
        transfer = [],
        keep = [],
      }: { readonly transfer?: readonly string[]; readonly keep?: readonly string[] } = {},
    ): Promise<Readonly<Record<string, Given>>> {
      signal.throwIfAborted();
      if (closing !== undefined) throw new ClusterError("internal", `${graph.name} was run after its close`);
      requireInputs(graph, inputs);
      const request = { kind: "run", id: nextId(), session, inputs: kept.take(inputs), keep } as const;
      const answer = ask(request, buffersOf(inputs, transfer));
      onRun(answer, signal);
      const outputs = answer.then((given) => kept.give(given));
      try {
        await orAbort(outputs, signal);
        signal.throwIfAborted();
      } catch (error) {
        outputs.then(forgetKept, () => {}); // nobody will take what is kept
        throw error;
      }
      return outputs;
    }
    return {
      run: async (...args) => (await compute(...args)) as Readonly<Record<string, Tensor>>,
      runKeeping: compute,
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

  async function open(graph: Graph, signal: AbortSignal): Promise<Session> {
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
      open,
      openTogether(name, graphs, signal) {
        // ONNX Runtime keeps an arena for each session, as large as its largest run.
        return openAlternatives({ open }, name, graphs, signal);
      },
      async close() {
        onEnd(new ClusterError("cancelled", "the runtime was closed"));
        if (stopped === undefined) {
          stopped = peer.stop();
          onRun(stopped, AbortSignal.abort());
        }
        await stopped;
      },
    },
  };
}

/** The buffers of the inputs that are given away. */
function buffersOf(inputs: Readonly<Record<string, Given>>, names: readonly string[]): ArrayBuffer[] {
  const buffers = names.flatMap((name) => {
    const given = inputs[name];
    return given !== undefined && "data" in given ? (given.data.buffer as ArrayBuffer) : [];
  });
  // Empty ones have nothing to give, and Node 24 does not let them be transferred.
  return [...new Set(buffers)].filter(({ byteLength }) => byteLength > 0);
}
