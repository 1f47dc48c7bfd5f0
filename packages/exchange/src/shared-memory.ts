import { readSync, writeSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Random } from "@cogfleet/core";

const FOLDER = "/dev/shm";

/** Stays in the cache from one of the passes over it to the next: a checksum of what does not takes three times as long. */
export const SHARED_PIECE_BYTES = 256 * 1024;

/** Room for one message in memory that processes of this host can read. */
export interface SharedRoom {
  /** Where another process opens it. */
  readonly path: string;
  /** Copies `data` to a position: at once, since memory keeps nobody waiting and another thread's copy is a cold one. */
  write(data: Uint8Array, position: number): void;
  /** The readers are done: it may be written again. */
  release(): void;
}

interface Room {
  readonly file: FileHandle;
  readonly path: string;
  /** Bytes that its pages can hold without asking for more. */
  bytes: number;
}

/**
 * This process's files in /dev/shm. They are unlinked as soon as they are open, so that nothing outlives the process,
 * and read by others through /proc. They are written over again and again: pages that exist already are what makes this
 * quicker than a socket.
 */
export class SharedMemory {
  /** A peer that finds this content under this path can read our shared memory. */
  readonly probe: { readonly path: string; readonly content: string };
  readonly #random: Random;
  readonly #limitBytes: number;
  readonly #probeFile: FileHandle;
  readonly #free: Room[] = [];
  readonly #all = new Set<Room>();
  #bytes = 0;

  private constructor(probeFile: FileHandle, content: string, random: Random, limitBytes: number) {
    this.#probeFile = probeFile;
    this.probe = { path: pathOf(probeFile), content };
    this.#random = random;
    this.#limitBytes = limitBytes;
  }

  /** Undefined where the system has no such memory: then tensors go through sockets. */
  static async open(random: Random, limitBytes: number): Promise<SharedMemory | undefined> {
    if (process.platform !== "linux" || limitBytes === 0) return undefined;
    try {
      const file = await openUnlinked(random);
      const content = random.id();
      await file.write(content, 0);
      return new SharedMemory(file, content, random, limitBytes);
    } catch {
      return undefined; // no /dev/shm, or not ours to write
    }
  }

  /** Room for `bytes`; undefined when the limit is reached. */
  async acquire(bytes: number): Promise<SharedRoom | undefined> {
    const room = this.#fitting(bytes) ?? (await this.#grow(bytes));
    if (room === undefined) return undefined;
    let isReleased = false;
    return {
      path: room.path,
      write: (data, position) => {
        for (let done = 0; done < data.length; )
          done += writeSync(room.file.fd, data, done, data.length - done, position + done);
      },
      release: () => {
        if (!isReleased) this.#free.push(room);
        isReleased = true;
      },
    };
  }

  /** Gives the memory back. Rooms in use stay readable for those who have them open. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#probeFile.close(), ...[...this.#all].map((room) => room.file.close())]);
    this.#all.clear();
    this.#free.length = 0;
  }

  /** The room last used of those that fit: its pages may still be in the cache. */
  #fitting(bytes: number): Room | undefined {
    const at = this.#free.findLastIndex((room) => room.bytes >= bytes);
    return at < 0 ? undefined : this.#free.splice(at, 1)[0];
  }

  async #grow(bytes: number): Promise<Room | undefined> {
    const spare = this.#free.pop();
    const more = bytes - (spare?.bytes ?? 0);
    if (this.#bytes + more > this.#limitBytes) {
      if (spare !== undefined) this.#free.push(spare);
      return undefined;
    }
    this.#bytes += more;
    if (spare !== undefined) {
      spare.bytes = bytes;
      return spare;
    }
    try {
      const file = await openUnlinked(this.#random);
      const room = { file, path: pathOf(file), bytes };
      this.#all.add(room);
      return room;
    } catch {
      this.#bytes -= bytes;
      return undefined; // out of file handles: sockets still work
    }
  }
}

/** Copies `into.length` bytes at a position to `into`. */
export type ReadShared = (into: Uint8Array, position: number) => void;

/** Reads shared memory of other processes; keeps their files open, since they are few and used again. */
export class SharedMemoryReader {
  readonly #files = new Map<string, Promise<FileHandle>>();

  /** Whether this process can read the memory that the probe stands for. */
  async canRead(probe: { readonly path: string; readonly content: string }): Promise<boolean> {
    if (probe.path === "") return false;
    const content = Buffer.alloc(Buffer.byteLength(probe.content));
    try {
      (await this.open(probe.path))(content, 0);
      return content.toString() === probe.content;
    } catch {
      return false;
    }
  }

  /** Opens what lies under a path, if it is not open yet. */
  async open(path: string): Promise<ReadShared> {
    const opening = this.#files.get(path) ?? open(path, "r");
    this.#files.set(path, opening);
    const { fd } = await opening;
    return (into, position) => {
      for (let done = 0; done < into.length; ) {
        const bytes = readSync(fd, into, done, into.length - done, position + done);
        if (bytes === 0) throw new Error(`${path} ends at ${position + done}`);
        done += bytes;
      }
    };
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    const files = await Promise.allSettled(this.#files.values());
    this.#files.clear();
    await Promise.allSettled(
      files.map((file) => (file.status === "fulfilled" ? file.value.close() : undefined)),
    );
  }
}

async function openUnlinked(random: Random): Promise<FileHandle> {
  const path = join(FOLDER, `cogfleet-${random.id()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}

function pathOf(file: FileHandle): string {
  return `/proc/${process.pid}/fd/${file.fd}`;
}
