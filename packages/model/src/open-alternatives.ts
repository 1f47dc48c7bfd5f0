import { ClusterError } from "@cogfleet/core";
import { alternatives } from "./graph/alternatives.js";
import { type Graph, type Runtime, requireInputs, type Session, type Tensor } from "./session.js";

/** `Runtime.openTogether` by one session that holds all of the graphs. */
export async function openAlternatives(
  runtime: Pick<Runtime, "open">,
  name: string,
  graphs: readonly Graph[],
  signal: AbortSignal,
): Promise<readonly Session[]> {
  const all = alternatives(name, graphs);
  const session = await runtime.open(all.graph, signal);
  const open = new Set(graphs.keys());
  return graphs.map((graph, i) => {
    const runKeeping: Session["runKeeping"] = async (inputs, runSignal, { transfer = [], keep }) => {
      if (!open.has(i)) throw new ClusterError("internal", `${graph.name} was run after its close`);
      requireInputs(graph, inputs);
      const options = { transfer: all.inputNames(i, transfer), keep: all.outputNames(i, keep) };
      try {
        return all.outputsOf(i, await session.runKeeping(all.inputsOf(i, inputs), runSignal, options));
      } catch (reason) {
        if (!(reason instanceof ClusterError)) throw reason;
        throw new ClusterError(reason.code, `${graph.name}: ${reason.message}`, { cause: reason });
      }
    };
    return {
      runKeeping,
      async run(inputs, runSignal, options) {
        const outputs = await runKeeping(inputs, runSignal, { ...options, keep: [] });
        return outputs as Readonly<Record<string, Tensor>>;
      },
      async close() {
        open.delete(i);
        if (open.size === 0) await session.close();
      },
    };
  });
}
