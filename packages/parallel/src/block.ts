/**
 * A part of a larger tensor, as bytes: `runs` runs of `runBytes` each, `strideBytes` from one start to the next.
 * Some heads of some rows are such a block. It is a view: it owns nothing.
 */
export interface Block {
  readonly data: Uint8Array;
  /** Where the first run begins in `data`, bytes. */
  readonly start: number;
  readonly runs: number;
  readonly runBytes: number;
  readonly strideBytes: number;
}

/**
 * Bytes that hold anything, standing alone in their buffer: for results of which every byte is written. Zeroing them
 * first costs as much as filling them.
 */
export function unwritten(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** All of `data`, as one block. */
export function whole(data: Uint8Array): Block {
  return { data, start: 0, runs: 1, runBytes: data.length, strideBytes: data.length };
}

/** The bytes behind a view of numbers, shared with it. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Float32 numbers behind bytes, shared with them. The bytes must start at a multiple of 4 in their buffer. */
export function floatsIn<B extends ArrayBufferLike>(bytes: Uint8Array<B>): Float32Array<B> {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** How many bytes the blocks hold together. */
export function blockBytes(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.runs * block.runBytes, 0);
}

/**
 * Reads the blocks as if they were one array: bytes [offset, offset + into.length) of it go to `into`. A transport
 * packs one frame at a time with this, so a message is never held packed as a whole.
 */
export function readBlocks(blocks: readonly Block[], offset: number, into: Uint8Array): void {
  eachRun(blocks, offset, into.length, (data, at, length, done) => {
    into.set(data.subarray(at, at + length), done);
  });
}

/** Writes `from` to bytes [offset, offset + from.length) of the blocks, seen as one array. */
export function writeBlocks(blocks: readonly Block[], offset: number, from: Uint8Array): void {
  eachRun(blocks, offset, from.length, (data, at, length, done) => {
    data.set(length === from.length ? from : from.subarray(done, done + length), at);
  });
}

/** Bytes [offset, offset + bytes) of the blocks where they lie, when they are one run there. */
export function viewBlocks(blocks: readonly Block[], offset: number, bytes: number): Uint8Array | undefined {
  let view: Uint8Array | undefined;
  eachRun(blocks, offset, bytes, (data, at, length) => {
    if (length === bytes) view = data.subarray(at, at + length);
  });
  return view;
}

/** Copies blocks to blocks of as many bytes together: cut anywhere, in runs as long as both sides allow. */
export function copyBlocks(from: readonly Block[], to: readonly Block[]): void {
  let offset = 0;
  for (const [i, block] of from.entries()) {
    const source = joined(block);
    const target = to[i];
    if (target !== undefined && offset === blockBytes(to.slice(0, i)) && isAligned(block, target)) {
      copyRuns(block, target);
      offset += block.runs * block.runBytes;
      continue;
    }
    for (let run = 0, at = source.start; run < source.runs; run++, at += source.strideBytes) {
      writeBlocks(to, offset, source.data.subarray(at, at + source.runBytes));
      offset += source.runBytes;
    }
  }
}

function isAligned(a: Block, b: Block): boolean {
  return a.runs === b.runs && a.runBytes === b.runBytes;
}

/** Run to run: rows of some heads, of which there are tens of thousands in an exchange. */
function copyRuns(from: Block, to: Block): void {
  const { data, runs, runBytes } = from;
  if (from.strideBytes === runBytes && to.strideBytes === runBytes) {
    to.data.set(data.subarray(from.start, from.start + runs * runBytes), to.start);
    return;
  }
  let at = from.start;
  let into = to.start;
  for (let run = 0; run < runs; run++) {
    to.data.set(data.subarray(at, at + runBytes), into);
    at += from.strideBytes;
    into += to.strideBytes;
  }
}

/** Runs that touch are one run: whole rows of a tensor move in one copy. */
function joined(block: Block): Block {
  if (block.strideBytes !== block.runBytes || block.runs <= 1) return block;
  const bytes = block.runs * block.runBytes;
  return { ...block, runs: 1, runBytes: bytes, strideBytes: bytes };
}

function eachRun(
  blocks: readonly Block[],
  offset: number,
  bytes: number,
  visit: (data: Uint8Array, at: number, length: number, done: number) => void,
): void {
  let skip = offset;
  let done = 0;
  for (const part of blocks) {
    const { data, start, runs, runBytes, strideBytes } = joined(part);
    const size = runs * runBytes;
    if (skip >= size) {
      skip -= size;
      continue;
    }
    let run = Math.floor(skip / runBytes);
    let within = skip - run * runBytes;
    skip = 0;
    for (; run < runs && done < bytes; run++) {
      const length = Math.min(runBytes - within, bytes - done);
      visit(data, start + run * strideBytes + within, length, done);
      done += length;
      within = 0;
    }
    if (done === bytes) return;
  }
}
