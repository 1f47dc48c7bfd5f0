// A rank's part of one attention: its rows come and go in runs, its cell is computed in parts (runs of heads), and all of
// them are exchanged as soon as they are there. B batch, S rows of the joint sequence, H heads, D head dim, Q h its cell.
import { freeMemory } from "@cogfleet/core";
import type { AttentionCell } from "./arrangement.js";
import { type Block, copyBlocks, unwritten } from "./block.js";
import { type Compression, compress, roomToExpand } from "./compression.js";
import type { ContextLayout } from "./context-layout.js";
import {
  type AttentionOperands,
  cellOperands,
  type ExchangeShape,
  operandsFor,
  operandsOf,
  requireOperands,
  requireResult,
  resultFor,
  resultOf,
} from "./exchange.js";
import type { Group } from "./group.js";
import { Latch } from "./latch.js";
import type { SendLanes } from "./send-lanes.js";
import { dealt, type Share } from "./shares.js";
import { together } from "./together.js";

/** What the ranks of a half agree on for the attentions of a forward pass. */
export interface RankAttentionShape {
  readonly batch: number;
  /** D times the size of an element. */
  readonly headBytes: number;
  readonly layout: ContextLayout;
  /** Of what goes to other ranks; undefined: every bit is kept. Float32 activations only. */
  readonly compression?: Compression | undefined;
}

/** Computes a cell: query [B, Q, h, D], key and value [B, S, h, D] to [B, Q, h, D]. The operands are its own. */
export type AttendCell = (
  operands: AttentionOperands,
  cell: AttentionCell,
  signal: AbortSignal,
) => Promise<Uint8Array>;

type Task = (signal: AbortSignal) => Promise<void>;

/**
 * One attention on one rank. `exchange` for every run of own rows and `compute` must run beside each other: each waits
 * for what the others bring. What is needed first is sent first: operands by part, results by run, and of two
 * attentions that follow one another the earlier one's.
 */
export class RankAttention {
  readonly #group: Group;
  readonly #lanes: SendLanes;
  readonly #index: number;
  readonly #layout: ContextLayout;
  readonly #compression: Compression | undefined;
  readonly #shapes: readonly (readonly ExchangeShape[])[]; // by run, by part
  readonly #operands: readonly (() => AttentionOperands)[]; // by part
  readonly #operandsThere: readonly Latch[]; // by part
  readonly #outputs: readonly (() => Uint8Array<ArrayBuffer>)[]; // by run
  readonly #outputThere: readonly Latch[]; // by run
  readonly #computed = new Latch(1);

  /** `index` is the attention's number in the forward pass. Takes no memory yet. */
  constructor(group: Group, lanes: SendLanes, shape: RankAttentionShape, index: number) {
    const { batch, headBytes, layout } = shape;
    const { heads, runs, parts } = layout;
    this.#group = group;
    this.#lanes = lanes;
    this.#index = index;
    this.#layout = layout;
    this.#compression = shape.compression;
    this.#shapes = runs.map(({ rows }) => parts.map((cells) => ({ batch, heads, headBytes, rows, cells })));
    this.#operands = parts.map((cells) =>
      once(() => cellOperands(shape, cells[group.rank] as AttentionCell, dealt(layout.rows))),
    );
    this.#operandsThere = parts.map(() => new Latch(runs.length * group.size));
    this.#outputs = runs.map(({ rows }) =>
      once(() => unwritten(batch * (rows[group.rank] as Share).count * heads * headBytes)),
    );
    this.#outputThere = runs.map(() => new Latch(parts.length * group.size));
  }

  /**
   * Gives the operands of a run of own rows [B, S_run, H, D] away, and resolves with their attention
   * [B, S_run, H, D], standing alone in its buffer.
   */
  async exchange(
    run: number,
    operands: AttentionOperands,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { rank } = this.#group;
    const output = (this.#outputs[run] as () => Uint8Array<ArrayBuffer>)();
    const shapes = this.#shapes[run] as readonly ExchangeShape[];
    const { length: runs } = this.#layout.runs;
    requireOperands(operands, shapes[0] as ExchangeShape, rank);
    const results: Task[] = shapes.flatMap((shape, part) =>
      this.#peers().map((from) => async (until) => {
        const into = resultOf(from, output, shape, rank);
        await this.#receive(from, this.#tag("out", part, run), into, until);
        this.#outputThere[run]?.countDown();
      }),
    );
    const sends: Task[] = shapes.flatMap((shape, part) =>
      this.#peers().map((to) => async (until) => {
        const blocks = operandsFor(to, operands, shape, rank);
        const order = this.#order("in", part * runs + run);
        await this.#send(to, order, this.#tag("in", part, run), blocks, until);
      }),
    );
    const own: Task = async () => {
      for (const [part, shape] of shapes.entries()) {
        const into = (this.#operands[part] as () => AttentionOperands)();
        copyBlocks(operandsFor(rank, operands, shape, rank), operandsOf(rank, into, shape, rank));
        this.#operandsThere[part]?.countDown();
      }
    };
    // The own rows are copied last, while the others' are under way.
    const given: Task = async (until) => {
      await together([...sends, own], until);
      freeMemory(Object.values(operands));
    };
    const taken: Task = async (until) => this.#outputThere[run]?.opened(until);
    await together([...results, given, taken], signal);
    return output;
  }

  /**
   * Computes the own cell part by part, each one once all rows of its operands have come. `before` is the attention that
   * is computed before this one. Resolves when all results have been taken.
   */
  async compute(before: RankAttention | undefined, attend: AttendCell, signal: AbortSignal): Promise<void> {
    if (before !== undefined) await before.#computed.opened(signal);
    const { rank } = this.#group;
    const nothing: Uint8Array = new Uint8Array();
    const results = this.#layout.parts.map(() => ({ there: new Latch(1), data: nothing }));
    const operands: Task[] = this.#shapes.flatMap((shapes, run) =>
      shapes.flatMap((shape, part) =>
        this.#peers().map((from) => async (until) => {
          const into = operandsOf(from, (this.#operands[part] as () => AttentionOperands)(), shape, rank);
          await this.#receive(from, this.#tag("in", part, run), into, until);
          this.#operandsThere[part]?.countDown();
        }),
      ),
    );
    const computing: Task = async (until) => {
      for (const [part, result] of results.entries()) {
        await this.#operandsThere[part]?.opened(until);
        const cell = this.#layout.parts[part]?.[rank] as AttentionCell;
        const isEmpty = cell.heads.count === 0 || cell.queries.count === 0;
        const own = (this.#operands[part] as () => AttentionOperands)();
        if (!isEmpty) result.data = await attend(own, cell, until);
        requireResult(result.data, this.#shapes[0]?.[part] as ExchangeShape, rank);
        result.there.countDown();
      }
      this.#computed.countDown();
    };
    const giving = results.map(
      (result, part): Task =>
        async (until) => {
          await result.there.opened(until);
          await this.#giveResult(part, result.data, until);
        },
    );
    await together([...operands, computing, ...giving], signal);
  }

  async #giveResult(part: number, result: Uint8Array, signal: AbortSignal): Promise<void> {
    const { rank } = this.#group;
    const { length: parts } = this.#layout.parts;
    const sends = this.#shapes.flatMap((shapes, run) =>
      this.#peers().map(
        (to): Task =>
          async (until) => {
            const blocks = resultFor(to, result, shapes[part] as ExchangeShape, rank);
            const order = this.#order("out", run * parts + part);
            await this.#send(to, order, this.#tag("out", part, run), blocks, until);
          },
      ),
    );
    const own: Task = async () => {
      for (const [run, shapes] of this.#shapes.entries()) {
        const shape = shapes[part] as ExchangeShape;
        const output = (this.#outputs[run] as () => Uint8Array)();
        copyBlocks(resultFor(rank, result, shape, rank), resultOf(rank, output, shape, rank));
        this.#outputThere[run]?.countDown();
      }
    };
    await together([...sends, own], signal);
    freeMemory([result]);
  }

  /** Nothing is sent where there are no blocks. */
  async #send(
    to: number,
    order: number,
    tag: string,
    blocks: readonly Block[],
    signal: AbortSignal,
  ): Promise<void> {
    if (blocks.length === 0) return;
    const compression = this.#compression;
    let sent = blocks;
    const make = (): readonly Block[] => {
      if (compression !== undefined) sent = [compress(compression, blocks)];
      return sent;
    };
    await this.#lanes.send(to, order, tag, make, signal);
    if (compression !== undefined) freeMemory(sent.map(({ data }) => data));
  }

  async #receive(from: number, tag: string, into: readonly Block[], signal: AbortSignal): Promise<void> {
    if (into.length === 0) return;
    if (this.#compression === undefined) return this.#group.recv(from, tag, into, signal);
    const room = roomToExpand(this.#compression, into);
    await this.#group.recv(from, tag, room.blocks, signal);
    room.place();
    freeMemory(room.blocks.map(({ data }) => data));
  }

  /** Each rank begins with another peer, so that not all of them pull from the same one at once. */
  #peers(): number[] {
    const { rank, size } = this.#group;
    return Array.from({ length: size - 1 }, (_, hop) => (rank + hop + 1) % size);
  }

  #tag(way: "in" | "out", part: number, run: number): string {
    return `layer${this.#index}.${part}.${run}.${way}`;
  }

  /** Operands of an attention before its results, both before those of the next one. */
  #order(way: "in" | "out", place: number): number {
    const { runs, parts } = this.#layout;
    return (2 * this.#index + (way === "in" ? 0 : 1)) * runs.length * parts.length + place;
  }
}

/** Makes it when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
