import { open } from "node:fs/promises";
import type { Runtime, Session, Weights } from "@cogfleet/model";

/** Shape of every weight that a graph asks for, by name, in the order of asking. */
export type WeightShapes = ReadonlyMap<string, readonly number[]>;

/** Learns which weights a component takes by opening it on nothing: `open` is one of model's open functions. */
export async function weightsAskedFor(
  open: (runtime: Runtime, weights: Weights) => Promise<unknown>,
): Promise<WeightShapes> {
  const shapes = new Map<string, readonly number[]>();
  const weights: Weights = {
    get(name, dims) {
      shapes.set(name, dims);
      return { name, type: "float32", dims, file: "/nowhere", offset: 0, bytes: 0 };
    },
    has: () => true,
    requireAllUsed: () => {},
  };
  const nothing = async (): Promise<void> => {};
  const session: Session = { run: async () => ({}), runKeeping: async () => ({}), close: nothing };
  const opened = { open: async () => session, openTogether: async () => [session] };
  await open({ ...opened, close: nothing }, weights);
  return shapes;
}

const CHUNK = 2 ** 20; // values written at once

/**
 * Writes float32 weights whose activations stay of order one: matrices are uniform with a deviation of
 * 1 / sqrt(fan in), norms near one, biases small. The same shapes and seed give the same file.
 */
export async function writeRandomWeights(
  file: string,
  shapes: WeightShapes,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  const out = await open(file, "w");
  try {
    await out.write(header(shapes));
    const random = xorshift32(seed);
    const chunk = new Float32Array(CHUNK);
    for (const [name, dims] of shapes) {
      const { mean, deviation } = distribution(name, dims);
      let left = count(dims);
      while (left > 0) {
        signal.throwIfAborted();
        const values = chunk.subarray(0, Math.min(CHUNK, left));
        // Uniform in [-1, 1) has a deviation of 1 / sqrt(3).
        for (let i = 0; i < values.length; i++) values[i] = mean + deviation * Math.sqrt(3) * random();
        await out.write(new Uint8Array(values.buffer, 0, values.byteLength));
        left -= values.length;
      }
    }
  } finally {
    await out.close();
  }
}

function header(shapes: WeightShapes): Uint8Array {
  const entries: Record<string, object> = {};
  let at = 0;
  for (const [name, dims] of shapes) {
    const end = at + 4 * count(dims);
    entries[name] = { dtype: "F32", shape: dims, data_offsets: [at, end] };
    at = end;
  }
  const json = JSON.stringify(entries);
  const bytes = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8)); // aligned, as safetensors writes it
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

function distribution(name: string, dims: readonly number[]): { mean: number; deviation: number } {
  if (name.endsWith(".bias")) return { mean: 0, deviation: 0.02 };
  if (dims.length === 1) return { mean: 1, deviation: 0.02 };
  return { mean: 0, deviation: 1 / Math.sqrt(count(dims.slice(1))) };
}

function count(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Uniform in [-1, 1). */
function xorshift32(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}
