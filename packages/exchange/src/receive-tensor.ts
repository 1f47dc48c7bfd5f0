import { crc32 } from "node:zlib";
import { ClusterError } from "@cogfleet/core";
import { type Block, viewBlocks, writeBlocks } from "@cogfleet/parallel";
import type { TensorFrame__Output } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import type { SharedMemoryReader } from "./shared-memory.js";

/**
 * Puts the frames of a message where they belong, checking each one: order, size, checksum. Frames must come in order;
 * one frame's shared memory is read while the one before is checked.
 */
export class TensorReceiver {
  readonly #what: string;
  readonly #into: readonly Block[];
  readonly #bytes: number;
  readonly #reader: SharedMemoryReader;
  #announced = 0;
  #previous: Promise<void> = Promise.resolve();
  #usesSharedMemory = false;

  constructor(what: string, into: readonly Block[], bytes: number, reader: SharedMemoryReader) {
    this.#what = what;
    this.#into = into;
    this.#bytes = bytes;
    this.#reader = reader;
  }

  /** Whether all bytes have been announced by frames; they are there once `finish` resolves. */
  get isComplete(): boolean {
    return this.#announced === this.#bytes;
  }

  /** Whether the sender waits for us to hang up, to use its memory again. */
  get usesSharedMemory(): boolean {
    return this.#usesSharedMemory;
  }

  /** Resolves when there is time for the next frame. Fails with `data_loss`. */
  async take(frame: TensorFrame__Output): Promise<void> {
    const offset = Number(frame.offset);
    const bytes = frame.sharedPath === "" ? frame.data.length : Number(frame.sharedBytes);
    const isNext = offset === this.#announced && bytes > 0 && offset + bytes <= this.#bytes;
    if (!isNext || Number(frame.totalBytes) !== this.#bytes) {
      throw new ClusterError(
        "data_loss",
        `${this.#what}: bytes ${offset}+${bytes} of ${frame.totalBytes} came after ${this.#announced} of ${this.#bytes}`,
      );
    }
    this.#announced += bytes;
    if (frame.sharedPath === "") {
      this.#check(frame.data, frame);
      writeBlocks(this.#into, offset, frame.data);
      return;
    }
    this.#usesSharedMemory = true;
    const before = this.#previous;
    this.#previous = this.#takeShared(frame, offset, bytes);
    this.#previous.catch(() => {}); // awaited with the next frame, or in `finish`
    await before;
  }

  /** Resolves when all that was announced is in place, and nothing touches the blocks any more. */
  async finish(): Promise<void> {
    await this.#previous;
    if (!this.isComplete) {
      throw new ClusterError(
        "data_loss",
        `${this.#what} ended after ${this.#announced} of ${this.#bytes} bytes`,
      );
    }
  }

  async #takeShared(frame: TensorFrame__Output, offset: number, bytes: number): Promise<void> {
    const before = this.#previous;
    const place = viewBlocks(this.#into, offset, bytes);
    const target = place ?? new Uint8Array(bytes);
    try {
      await this.#reader.read(frame.sharedPath, target, offset);
    } finally {
      await before;
    }
    this.#check(target, frame);
    if (place === undefined) writeBlocks(this.#into, offset, target);
  }

  #check(data: Uint8Array, frame: TensorFrame__Output): void {
    const crc = crc32(data);
    if (crc === frame.crc32) return;
    throw new ClusterError(
      "data_loss",
      `${this.#what}: checksum of bytes ${frame.offset}+${data.length} is ${crc}, the sender's ${frame.crc32}`,
    );
  }
}
