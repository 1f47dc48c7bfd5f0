// The chunks of one rank through a half of the VAE, layer by layer beside the other ranks (temporal parallelism).
// T frames of a chunk, C channels, H W rows and columns.
import { ClusterError } from "@cogfleet/core";
import {
  CACHED_FRAMES,
  type ChunkOutput,
  cachePorts,
  elements,
  forgetKept,
  type Given,
  noCache,
  requireFloats,
} from "@cogfleet/model";
import { bytesOf, whole } from "./block.js";
import type { Group } from "./group.js";
import type { HaloNeighbours } from "./halo.js";
import { Handoff } from "./handoff.js";
import { together } from "./together.js";
import type { CutHalf, VaePart } from "./vae-parts.js";

/** Own chunks of an area, which follow one another in time. */
export interface ChunkRun {
  /** float32 [T, C, H, W] each, in buffers of their own. */
  readonly chunks: readonly ChunkOutput[];
  /** The ranks that compute the chunks before and after. */
  readonly neighbours: HaloNeighbours;
  /** Prefix of the messages between them. */
  readonly tag: string;
}

export interface ChunkHooks {
  /** Chunk `i` of the run is computed: float32 [T', C', H', W'], given to the caller. */
  onOutput(i: number, output: ChunkOutput): void;
  /** One part of one chunk is done. */
  onPart(): void;
}

/** A chunk between two parts. */
interface LiveChunk {
  /** float32 [T, C, H, W]; before the first part the chunk itself. */
  readonly x: Given;
  /** Its last 2 frames, or its only one. */
  readonly tail: ChunkOutput;
  /** What a resnet block adds at its end. */
  readonly skip?: Given | undefined;
}

/**
 * Computes own chunks, all of them through one part before the next. A causal convolution needs the 2 frames before a
 * chunk, and those are known before it runs: the last frames of each chunk's input are copied first and sent on at once.
 * Then the last chunk is computed first, so that the frames of the rank before have the time of all the other chunks
 * to come, and the first frames of the next part are on their way while this one computes. Nothing goes backwards, so
 * the rank of the first chunks runs ahead as far as its neighbour takes what it sends: one part more than it.
 *
 * Every chunk goes through the same kernels with the same inputs as in the serial order: bit-identical.
 *
 * A rank holds, for each own chunk, what lives between two parts: one tensor, two inside a resnet block (at the highest
 * level of a released VAE, [8, 128, H, W] of the video's size); for one chunk, what the part computes; and at most three
 * pairs of frames on their way in each direction. No convolution cache outlives its part.
 */
export async function runLayerMajor(
  cut: CutHalf,
  group: Group,
  run: ChunkRun,
  hooks: ChunkHooks,
  signal: AbortSignal,
): Promise<void> {
  const { previous, next } = run.neighbours;
  const arrived = new Handoff<ChunkOutput>(1);
  const leaving = new Handoff<ChunkOutput>(1);
  const tagOf = (part: number): string => `${run.tag}.halo${part}`;

  const receive = async (from: number, until: AbortSignal): Promise<void> => {
    for (const [i, part] of cut.parts.entries()) {
      const halo = emptyHalo(cut, part, run);
      await group.recv(from, tagOf(i), [whole(bytesOf(halo.data))], until);
      await arrived.put(halo, until);
    }
  };
  const send = async (to: number, until: AbortSignal): Promise<void> => {
    for (const i of cut.parts.keys()) {
      const { data } = await leaving.take(until);
      await group.send(to, tagOf(i), [whole(bytesOf(data))], until);
    }
  };
  await together(
    [
      ...(previous === undefined ? [] : [(until: AbortSignal) => receive(previous, until)]),
      ...(next === undefined ? [] : [(until: AbortSignal) => send(next, until)]),
      (until) => compute(cut, run, arrived, leaving, hooks, until),
    ],
    signal,
  );
}

async function compute(
  cut: CutHalf,
  { chunks, neighbours }: ChunkRun,
  arrived: Handoff<ChunkOutput>,
  leaving: Handoff<ChunkOutput>,
  hooks: ChunkHooks,
  signal: AbortSignal,
): Promise<void> {
  const [, , height = 0, width = 0] = chunks[0]?.dims ?? [];
  const live = chunks.map((x): LiveChunk => ({ x, tail: last(x) }));
  try {
    for (const [p, part] of cut.parts.entries()) {
      const isLast = p === cut.parts.length - 1;
      let halo: ChunkOutput | undefined;
      const takeHalo = async (): Promise<ChunkOutput> => {
        const isStart = neighbours.previous === undefined;
        halo ??= isStart ? noCache(cut.half, part.conv, { height, width }) : await arrived.take(signal);
        return halo;
      };
      const caches: ChunkOutput[] = []; // of the chunk after
      for (const { tail } of live.slice(0, neighbours.next === undefined ? -1 : undefined))
        caches.push(
          framesOf(tail) >= CACHED_FRAMES ? tail : joined(caches.at(-1) ?? (await takeHalo()), tail),
        );
      const onward = caches[live.length - 1];
      if (onward !== undefined) await leaving.put(onward, signal);

      for (let i = live.length - 1; i >= 0; i--) {
        const chunk = live[i] as LiveChunk;
        const cache = caches[i - 1] ?? (await takeHalo());
        const outputs = await runPart(cut, part, { ...chunk, chunk: chunks[i], cache }, signal);
        if (isLast) hooks.onOutput(i, requireFloats(outputs, part.name, cut.half.output.name));
        else live[i] = nextLive(part, outputs, chunk.skip);
        hooks.onPart();
      }
    }
  } finally {
    for (const { x, skip } of live) forgetKept(skip === undefined ? { x } : { x, skip });
  }
}

async function runPart(
  { half }: CutHalf,
  { conv, takes, keeps, session }: VaePart,
  { chunk, x, skip, cache }: LiveChunk & { chunk: ChunkOutput | undefined; cache: ChunkOutput },
  signal: AbortSignal,
): Promise<Readonly<Record<string, Given>>> {
  const inputs: Record<string, Given> = { [cachePorts(conv.name).before]: cache };
  if (takes.has("in.x")) inputs["in.x"] = x;
  if (takes.has("in.skip") && skip !== undefined) inputs["in.skip"] = skip;
  const transfer = Object.keys(inputs);
  // The chunk as it came in is small, and what later parts are conditioned on: it stays here.
  if (takes.has(half.input.name) && chunk !== undefined) inputs[half.input.name] = chunk;
  return session.runKeeping(inputs, signal, { transfer, keep: keeps });
}

function nextLive(
  { name, takes }: VaePart,
  outputs: Readonly<Record<string, Given>>,
  skip: Given | undefined,
): LiveChunk {
  const { "out.x": x, "out.skip": nextSkip } = outputs;
  if (x === undefined) throw new ClusterError("internal", `${name} gave no out.x`);
  const tail = requireFloats(outputs, name, "out.tail");
  return { x, tail, skip: nextSkip ?? (takes.has("in.skip") ? undefined : skip) };
}

function emptyHalo({ half }: CutHalf, { conv }: VaePart, { chunks }: ChunkRun): ChunkOutput {
  const [, , height = 0, width = 0] = chunks[0]?.dims ?? [];
  const [, ...frame] = noCache(half, conv, { height, width }).dims;
  return {
    type: "float32",
    data: new Float32Array(CACHED_FRAMES * elements(frame)),
    dims: [CACHED_FRAMES, ...frame],
  };
}

function framesOf({ dims }: ChunkOutput): number {
  return dims[0] ?? 0;
}

/** A copy of the last 2 frames, or of the only one. */
function last({ data, dims }: ChunkOutput): ChunkOutput {
  const [frames = 0, ...frame] = dims;
  const count = Math.min(frames, CACHED_FRAMES);
  return { type: "float32", data: data.slice((frames - count) * elements(frame)), dims: [count, ...frame] };
}

/** The 2 frames after a chunk of one frame: before it comes the last of `before`, or itself where nothing is before. */
function joined(before: ChunkOutput, x: ChunkOutput): ChunkOutput {
  const data = new Float32Array(CACHED_FRAMES * x.data.length);
  data.set(framesOf(before) === 0 ? x.data : before.data.subarray(-x.data.length));
  data.set(x.data, x.data.length);
  return { type: "float32", data, dims: [CACHED_FRAMES, ...x.dims.slice(1)] };
}
