import type {
  BlobInfo,
  KnownModel,
  LeaseRegister,
  WorkerView,
} from "@cogfleet/coordinator/testing/domain.js";
import { MemoryJobStore } from "@cogfleet/coordinator/testing/domain.js";
import { MemoryLeaseRegister } from "@cogfleet/coordinator/testing/memory-lease-register.js";
import type { Dice } from "./dice.js";

export interface StoredBlob {
  readonly data: Uint8Array;
  readonly info: BlobInfo;
}

/**
 * What a coordinator finds when it is started again. A write is first in the system's memory, which outlives the
 * process, and then on the disk, which outlives the power.
 */
export class Disk {
  jobs = new MemoryJobStore();
  readonly blobs = new Map<string, StoredBlob>();
  readonly models = new Map<string, KnownModel>();
  readonly lease: LeaseRegister = new MemoryLeaseRegister().reach();
  board: readonly WorkerView[] = [];
  /** Writes that the system has and the disk has not. */
  readonly #unsynced: { readonly writer: string; act(): unknown }[] = [];
  /** Blobs whose deletion may be undone by a loss of power. */
  readonly #deleted = new Map<string, StoredBlob>();

  /** Hands a write to the system. What returns makes it durable, and visible. */
  write<T>(writer: string, act: () => T): () => T {
    const write = { writer, act };
    this.#unsynced.push(write);
    return () => {
      this.#unsynced.splice(this.#unsynced.indexOf(write), 1);
      return act();
    };
  }

  deleteBlob(key: string): void {
    const blob = this.blobs.get(key);
    if (blob === undefined) return;
    this.blobs.delete(key);
    this.#deleted.set(key, blob);
  }

  /** The process was killed: the system still writes what it was given. */
  outlive(writer: string): void {
    for (const { act } of this.#take(writer)) finish(act);
  }

  /** The power went: of what was not synced, a part is there. */
  losePower(writer: string, dice: Dice): void {
    const kept = this.#take(writer).filter(() => dice.chance(0.5));
    for (const { act } of kept) finish(act);
    for (const [key, blob] of this.#deleted) if (dice.chance(0.5)) this.blobs.set(key, blob);
    this.#deleted.clear();
  }

  #take(writer: string): { act(): unknown }[] {
    const own = this.#unsynced.filter((write) => write.writer === writer);
    for (const write of own) this.#unsynced.splice(this.#unsynced.indexOf(write), 1);
    return own;
  }
}

/** Nobody is left to be told how a write went. */
function finish(act: () => unknown): void {
  void Promise.resolve(act()).catch(() => {});
}
