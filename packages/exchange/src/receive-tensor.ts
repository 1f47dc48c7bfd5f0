import { crc32 } from "node:zlib";
import { ClusterError } from "@cogfleet/core";
import { type Block, viewBlocks, writeBlocks } from "@cogfleet/parallel";
import type { TensorFrame__Output } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import { SHARED_PIECE_BYTES, type SharedMemoryReader } from "./shared-memory.js";

/** Puts the frames of a message where they belong, checking each one: order, size, checksum. Frames must come in order. */
export class TensorReceiver {
  readonly #what: string;
  readonly #into: readonly Block[];
  readonly #bytes: number;
  readonly #reader: SharedMemoryReader;
  #taken = 0;
  #usesSharedMemory = false;

  constructor(what: string, into: readonly Block[], bytes: number, reader: SharedMemoryReader) {
    this.#what = what;
    this.#into = into;
    this.#bytes = bytes;
    this.#reader = reader;
  }

  /** Whether all bytes are in place. */
  get isComplete(): boolean {
    return this.#taken === this.#bytes;
  }

  /** Whether the sender waits for us to hang up, to use its memory again. */
  get usesSharedMemory(): boolean {
    return this.#usesSharedMemory;
  }

  /** Resolves when its bytes are in place. Fails with `data_loss`. */
  async take(frame: TensorFrame__Output): Promise<void> {
    const offset = Number(frame.offset);
    const bytes = frame.sharedPath === "" ? frame.data.length : Number(frame.sharedBytes);
    const isNext = offset === this.#taken && bytes > 0 && offset + bytes <= this.#bytes;
    if (!isNext || Number(frame.totalBytes) !== this.#bytes) {
      throw new ClusterError(
        "data_loss",
        `${this.#what}: bytes ${offset}+${bytes} of ${frame.totalBytes} came after ${this.#taken} of ${this.#bytes}`,
      );
    }
    if (frame.sharedPath === "") {
      this.#check(crc32(frame.data), frame, bytes);
      writeBlocks(this.#into, offset, frame.data);
    } else {
      this.#usesSharedMemory = true;
      await this.#takeShared(frame, offset, bytes);
    }
    this.#taken += bytes;
  }

  /** `data_loss` when bytes are missing. */
  finish(): void {
    if (!this.isComplete) {
      throw new ClusterError("data_loss", `${this.#what} ended after ${this.#taken} of ${this.#bytes} bytes`);
    }
  }

  async #takeShared(frame: TensorFrame__Output, offset: number, bytes: number): Promise<void> {
    const read = await this.#reader.open(frame.sharedPath);
    let crc = 0;
    for (let done = 0; done < bytes; done += SHARED_PIECE_BYTES) {
      const length = Math.min(SHARED_PIECE_BYTES, bytes - done);
      const place = viewBlocks(this.#into, offset + done, length);
      const piece = place ?? new Uint8Array(length);
      read(piece, offset + done);
      crc = crc32(piece, crc);
      if (place === undefined) writeBlocks(this.#into, offset + done, piece);
    }
    this.#check(crc, frame, bytes);
  }

  #check(crc: number, frame: TensorFrame__Output, bytes: number): void {
    if (crc === frame.crc32) return;
    throw new ClusterError(
      "data_loss",
      `${this.#what}: checksum of bytes ${frame.offset}+${bytes} is ${crc}, the sender's ${frame.crc32}`,
    );
  }
}
