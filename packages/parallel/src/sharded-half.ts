// A half of the VAE over the ranks of a group: rank 0 deals what goes in and collects what comes out.
// T frames of a chunk, F frames of the video, C channels, H W rows and columns.
import {
  type Box,
  type ChunkOutput,
  cutBox,
  type FrameRange,
  outputRanges,
  outputVolume,
  pasteBox,
  runChunks,
  TileBlender,
  type TileGrid,
  type VaeHalf,
  type Volume,
} from "@cogfleet/model";
import { bytesOf, whole } from "./block.js";
import type { Group } from "./group.js";
import type { HaloNeighbours } from "./halo.js";
import { Handoff } from "./handoff.js";
import { runLayerMajor } from "./layer-major.js";
import type { Share } from "./shares.js";
import { together } from "./together.js";
import type { AreaDeal } from "./vae-deal.js";
import type { VaeForms } from "./vae-forms.js";
import { boxBlocks } from "./volume-blocks.js";

/** What all ranks know of a volume to compute. */
export interface HalfTask {
  readonly half: VaeHalf;
  /** Of the volume that goes in. */
  readonly size: Pick<Volume, "frames" | "height" | "width">;
  readonly grid: TileGrid;
  /** By area of the grid. */
  readonly deals: readonly AreaDeal[];
}

/** Own chunks of an area. */
interface OwnRun {
  readonly area: number;
  readonly chunks: Share;
  readonly neighbours: HaloNeighbours;
  /** Nobody else computes chunks of the area. */
  readonly isWhole: boolean;
}

interface OwnOutput {
  readonly area: number;
  readonly chunk: number;
  readonly output: ChunkOutput;
}

/** The form that a rank's part of a task needs; undefined when it has none. Areas that are shared need all own ones cut. */
export function formOf(task: HalfTask, rank: number): "whole" | "cut" | undefined {
  const runs = ownRuns(task, rank);
  if (runs.length === 0) return undefined;
  return runs.every(({ isWhole }) => isWhole) ? "whole" : "cut";
}

/**
 * Computes a volume over the ranks of a group, which all call it. Rank 0 gives the volume that goes in and gets the one
 * that comes out; the others give and get undefined, and those with nothing to compute return at once.
 *
 * Chunks go out when they are asked for, one area ahead, and what is computed comes back chunk by chunk, straight to its
 * place. Areas are computed, collected and blended in raster order. Rank 0 holds what goes in, what comes out and, of
 * tiles, a row and one more; a rank's own results wait with it until rank 0 takes them.
 */
export async function runSharded(
  forms: VaeForms,
  group: Group,
  task: HalfTask,
  source: Volume | undefined,
  onChunk: (done: number, of: number) => void,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const runs = ownRuns(task, group.rank);
  const form = formOf(task, group.rank);
  const inputs = new Handoff<readonly ChunkOutput[]>(1);
  const outputs = new Handoff<OwnOutput>(Number.POSITIVE_INFINITY);
  const compute = async (until: AbortSignal): Promise<void> => {
    if (form !== undefined)
      await computeRuns(forms, form, group, task, runs, { inputs, outputs, onChunk }, until);
  };
  if (source === undefined) {
    const receive = (until: AbortSignal) => receiveInputs(group, task, runs, inputs, until);
    const send = (until: AbortSignal) => sendOutputs(group, task, runs, outputs, until);
    await together([receive, compute, send], signal);
    return undefined;
  }
  const out = outputVolume(task.half, task.size);
  const feed = async (until: AbortSignal): Promise<void> => {
    for (const run of runs) await inputs.put(cutChunks(source, task, run), until);
  };
  const collect = (until: AbortSignal) => collectOutputs(group, task, out, outputs, until);
  await together([...sendInputs(group, task, source), feed, compute, collect], signal);
  return out;
}

function ownRuns({ deals }: HalfTask, rank: number): OwnRun[] {
  return deals.flatMap(({ owners }, area) => {
    const place = owners.findIndex((owner) => owner.rank === rank);
    const own = owners[place];
    if (own === undefined) return [];
    const neighbours = { previous: owners[place - 1]?.rank, next: owners[place + 1]?.rank };
    return [{ area, chunks: own.chunks, neighbours, isWhole: owners.length === 1 }];
  });
}

async function computeRuns(
  forms: VaeForms,
  form: "whole" | "cut",
  group: Group,
  { half }: HalfTask,
  runs: readonly OwnRun[],
  {
    inputs,
    outputs,
    onChunk,
  }: {
    readonly inputs: Handoff<readonly ChunkOutput[]>;
    readonly outputs: Handoff<OwnOutput>;
    readonly onChunk: (done: number, of: number) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const chunkCount = runs.reduce((sum, { chunks }) => sum + chunks.count, 0);
  let done = 0;
  for (const { area, chunks, neighbours } of runs) {
    const inputsOfRun = await inputs.take(signal);
    const onOutput = (i: number, output: ChunkOutput): void =>
      outputs.push({ area, chunk: chunks.start + i, output });
    if (form === "whole") {
      const chunkOf = (i: number): ChunkOutput => inputsOfRun[i] as ChunkOutput;
      const onOwn = (i: number, output: ChunkOutput): void => {
        onOutput(i, output);
        onChunk(++done, chunkCount);
      };
      await runChunks(await forms.whole(signal), chunks.count, chunkOf, onOwn, signal);
      continue;
    }
    const cut = await forms.cut(signal);
    const onPart = (): void => onChunk(++done, chunkCount * cut.parts.length);
    const run = { chunks: inputsOfRun, neighbours, tag: `${half.name}.${area}` };
    await runLayerMajor(cut, group, run, { onOutput, onPart }, signal);
  }
}

/** Rank 0 offers every other rank its chunks, where they lie. */
function sendInputs(
  group: Group,
  task: HalfTask,
  source: Volume,
): readonly ((signal: AbortSignal) => Promise<void>)[] {
  return task.deals.flatMap(({ owners }, area) =>
    owners
      .filter(({ rank }) => rank !== group.rank)
      .flatMap(({ rank, chunks }) =>
        chunksIn(chunks).map((chunk) => (signal: AbortSignal) => {
          const blocks = boxBlocks(source, inputBox(task, area, chunk));
          return group.send(rank, inputTag(task, area, chunk), blocks, signal);
        }),
      ),
  );
}

async function receiveInputs(
  group: Group,
  task: HalfTask,
  runs: readonly OwnRun[],
  inputs: Handoff<readonly ChunkOutput[]>,
  signal: AbortSignal,
): Promise<void> {
  const { channels } = task.half.input;
  for (const run of runs) {
    const chunks = chunksIn(run.chunks).map((chunk) => {
      const { frames, height, width } = inputBox(task, run.area, chunk);
      const data = new Float32Array(frames * channels * height * width);
      return { chunk, tensor: { type: "float32", data, dims: [frames, channels, height, width] } as const };
    });
    const receives = chunks.map(({ chunk, tensor }) => (until: AbortSignal) => {
      const into = [whole(bytesOf(tensor.data))];
      return group.recv(0, inputTag(task, run.area, chunk), into, until);
    });
    await together(receives, signal);
    await inputs.put(
      chunks.map(({ tensor }) => tensor),
      signal,
    );
  }
}

/** Rank 0's own chunks. */
function cutChunks(source: Volume, task: HalfTask, { area, chunks }: OwnRun): ChunkOutput[] {
  return chunksIn(chunks).map((chunk) => {
    const box = inputBox(task, area, chunk);
    const dims = [box.frames, source.channels, box.height, box.width];
    return { type: "float32", data: cutBox(source, box), dims };
  });
}

async function sendOutputs(
  group: Group,
  task: HalfTask,
  runs: readonly OwnRun[],
  outputs: Handoff<OwnOutput>,
  signal: AbortSignal,
): Promise<void> {
  const count = runs.reduce((sum, { chunks }) => sum + chunks.count, 0);
  for (let i = 0; i < count; i++) {
    const { area, chunk, output } = await outputs.take(signal);
    await group.send(0, outputTag(task, area, chunk), [whole(bytesOf(output.data))], signal);
  }
}

/** Rank 0 puts every area together, its own part and the others'. */
async function collectOutputs(
  group: Group,
  task: HalfTask,
  out: Volume,
  outputs: Handoff<OwnOutput>,
  signal: AbortSignal,
): Promise<void> {
  const { half, grid, deals, size } = task;
  const blender = grid.plan === undefined ? undefined : new TileBlender(out, grid.plan, grid.columns);
  const places = outputRanges(half, size.frames);
  for (const [area, deal] of deals.entries()) {
    const volume = blender === undefined ? out : outputVolume(half, { ...deal.area, frames: size.frames });
    const boxOf = (chunk: number): Box => {
      const { from, to } = places[chunk] as FrameRange;
      return { top: 0, height: volume.height, left: 0, width: volume.width, frame: from, frames: to - from };
    };
    const receives = deal.owners
      .filter(({ rank }) => rank !== group.rank)
      .flatMap(({ rank, chunks }) =>
        chunksIn(chunks).map((chunk) => (until: AbortSignal) => {
          const into = boxBlocks(volume, boxOf(chunk));
          return group.recv(rank, outputTag(task, area, chunk), into, until);
        }),
      );
    const own = deal.owners.find(({ rank }) => rank === group.rank)?.chunks.count ?? 0;
    const keepOwn = async (until: AbortSignal): Promise<void> => {
      for (let i = 0; i < own; i++) {
        const { chunk, output } = await outputs.take(until);
        pasteBox(volume, boxOf(chunk), output.data);
      }
    };
    await together([...receives, keepOwn], signal);
    blender?.add(volume);
  }
}

function chunksIn({ start, count }: Share): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

function inputBox({ half, size, deals }: HalfTask, area: number, chunk: number): Box {
  const { from, to } = half.chunks(size.frames)[chunk] as FrameRange;
  return { ...(deals[area] as AreaDeal).area, frame: from, frames: to - from };
}

function inputTag({ half }: HalfTask, area: number, chunk: number): string {
  return `${half.name}.${area}.in${chunk}`;
}

function outputTag({ half }: HalfTask, area: number, chunk: number): string {
  return `${half.name}.${area}.out${chunk}`;
}
