import type { Clock } from "@cogfleet/core";
import { GraphBuilder, type Precision, type Runtime } from "@cogfleet/model";

const PRODUCTS = 4;
const RUNS = 3;

/**
 * Floating-point operations a second of matrix products in this runtime: the best of three runs of four products of
 * `size` x `size`, after one to warm up. About 30 ms at size 512 on one core.
 */
export async function measureRate(
  runtime: Runtime,
  precision: Precision,
  size: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const graph = new GraphBuilder("probe", precision);
  const x = graph.cast(graph.input("x", [size, size], "float32"), graph.computeType);
  let y = x;
  for (let i = 0; i < PRODUCTS; i++) y = graph.node("MatMul", [y, x]);
  graph.output("y", graph.cast(graph.node("ReduceMax", [y]), "float32"), [1, 1], "float32");
  const session = await runtime.open(graph.build(), signal);
  try {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= RUNS; run++) {
      const data = new Float32Array(size * size).fill(1 / size);
      const from = clock.now();
      await session.run({ x: { type: "float32", dims: [size, size], data } }, signal, { transfer: ["x"] });
      if (run > 0) best = Math.min(best, (clock.now() - from) / 1000);
    }
    return (PRODUCTS * 2 * size ** 3) / best;
  } finally {
    await session.close();
  }
}
