import { ClusterError, freeMemory } from "@cogfleet/core";
import type { Tensor } from "@cogfleet/model";
import type { ComputeReply, ComputeRequest, KeptAs } from "./compute-messages.js";
import type { RuntimeOptions } from "./device.js";
import { requireDevice } from "./device-check.js";
import { keepProductsExact } from "./exact-products.js";
import { type LoadedGraph, loadGraph } from "./session.js";

/**
 * Answers requests one at a time, in order: sessions share the device. `isStopping` is asked before each one;
 * once it says yes, nothing more is started or answered.
 */
export function computeServer(
  reply: (message: ComputeReply) => void,
  isStopping: () => boolean,
): (request: ComputeRequest) => Promise<void> {
  const sessions = new Map<number, LoadedGraph>();
  const kept = new Map<number, Tensor>();
  let lastKept = 0;
  let options: RuntimeOptions | undefined;
  let turn: Promise<void> = Promise.resolve();

  async function answer(request: ComputeRequest): Promise<void> {
    if (isStopping()) return;
    const { id } = request;
    try {
      reply({ kind: "done", id, outputs: await perform(request) });
    } catch (reason) {
      const { code, message } = withReason(reason);
      reply({ kind: "failed", id, code, message });
    }
  }

  function take(given: Tensor | KeptAs): Tensor {
    if (!("kept" in given)) return given;
    const tensor = kept.get(given.kept);
    if (tensor === undefined) throw new ClusterError("internal", `tensor ${given.kept} is not kept`);
    kept.delete(given.kept);
    return tensor;
  }
  function keep(tensor: Tensor): KeptAs {
    lastKept += 1;
    kept.set(lastKept, tensor);
    return { kept: lastKept, type: tensor.type, dims: tensor.dims };
  }

  async function perform(request: ComputeRequest): Promise<Readonly<Record<string, Tensor | KeptAs>>> {
    switch (request.kind) {
      case "start":
        keepProductsExact(request.options);
        await requireDevice(request.options);
        options = request.options;
        return {};
      case "open":
        if (options === undefined)
          throw new ClusterError("internal", "a session was opened before the start");
        sessions.set(request.session, await loadGraph(request.graph, options));
        return {};
      case "run": {
        const session = sessions.get(request.session);
        if (session === undefined)
          throw new ClusterError("internal", `session ${request.session} is not open`);
        const given = Object.entries(request.inputs).map(([name, tensor]) => [name, take(tensor)] as const);
        const outputs = await session.run(Object.fromEntries(given));
        freeMemory(given.map(([, { data }]) => data)); // they came as ours, or as copies
        const isKept = new Set(request.keep);
        return Object.fromEntries(
          Object.entries(outputs).map(([name, output]) => [name, isKept.has(name) ? keep(output) : output]),
        );
      }
      case "forget": {
        const tensor = kept.get(request.kept);
        kept.delete(request.kept);
        if (tensor !== undefined) freeMemory([tensor.data]);
        return {};
      }
      case "close": {
        const session = sessions.get(request.session);
        sessions.delete(request.session);
        await session?.release();
        return {};
      }
    }
  }

  return (request) => {
    turn = turn.then(() => answer(request));
    return turn;
  };
}

/** A cause cannot cross to the other side: what it says is kept in the message. */
function withReason(reason: unknown): ClusterError {
  if (reason instanceof ClusterError || !(reason instanceof Error)) return ClusterError.from(reason);
  return new ClusterError("internal", `the compute thread failed: ${reason.message}`);
}
