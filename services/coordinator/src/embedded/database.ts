import { readdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError, type Logger } from "@cogfleet/core";
import { ClassicLevel } from "classic-level";
import { makeDurableFolder } from "../durable-folder.js";
import { FORMAT, FORMAT_KEY } from "./keys.js";

export type Level = ClassicLevel<string, Buffer>;
export type Snapshot = ReturnType<Level["snapshot"]>;
export type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: Buffer }
  | { readonly type: "del"; readonly key: string };

export interface DatabaseDeps {
  readonly log: Logger;
  /** Told of each piece of stored data that turns out to be damaged. */
  readonly onDamage: () => void;
}

// Four times LevelDB's own: fewer tables to merge under a storm of submissions.
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

// What opening writes beside the journal's jobs: a new journal, a manifest, a log.
const ROOM_TO_OPEN_BYTES = 2 * 1024 * 1024;

/**
 * A LevelDB folder that this process alone holds. After a failed write LevelDB refuses all later ones, so the next
 * write opens the folder anew, once the disk has room again. Until then everything can be read.
 */
export class Database {
  readonly #folder: string;
  readonly #level: Level;
  readonly #deps: DatabaseDeps;
  #isBroken = false;
  #isClosed = false;
  #reopening: Promise<void> | undefined;

  private constructor(folder: string, level: Level, deps: DatabaseDeps) {
    this.#folder = folder;
    this.#level = level;
    this.#deps = deps;
  }

  /**
   * Opens the folder, and makes it if it is not there. Throws `invalid_config` when it cannot be written or another
   * process holds it, `unsupported` for a layout that this release does not know.
   */
  static async open(folder: string, deps: DatabaseDeps): Promise<Database> {
    try {
      await makeDurableFolder(folder);
    } catch (cause) {
      throw cannotOpen(folder, cause);
    }
    // Uncompressed: a damaged byte then costs one record, not the block that it was packed with.
    const options = {
      valueEncoding: "buffer",
      compression: false,
      writeBufferSize: WRITE_BUFFER_BYTES,
    } as const;
    const level: Level = new ClassicLevel<string, Buffer>(folder, options);
    const database = new Database(folder, level, deps);
    await database.#open();
    try {
      await database.#checkFormat();
    } catch (reason) {
      await level.close();
      throw reason;
    }
    return database;
  }

  /** Reads, or whatever else is no write. Throws `unavailable` when the folder cannot be read. */
  async use<T>(work: (level: Level) => Promise<T>): Promise<T> {
    if (this.#level.status !== "open") await this.#openAgain();
    try {
      return await work(this.#level);
    } catch (reason) {
      throw readError(reason);
    }
  }

  /**
   * All of it or nothing, on the disk once it resolves. Throws `resource_exhausted` when the disk is full, `unavailable`
   * when it cannot be written: it may then have been written or not.
   */
  async write(operations: readonly Operation[]): Promise<void> {
    if (this.#isBroken) await this.#mend();
    try {
      await this.#level.batch([...operations], { sync: true });
    } catch (reason) {
      this.#isBroken = true;
      throw writeError(reason);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reopening?.catch(() => {});
    await this.#level.close();
  }

  async #mend(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < (await this.#journalBytes()) + ROOM_TO_OPEN_BYTES) throw diskFull();
    await this.#openAgain();
  }

  /** Opening writes the journals' jobs into a table: with less room than this it would fail, and reads with it. */
  async #journalBytes(): Promise<number> {
    const journals = (await readdir(this.#folder)).filter((name) => name.endsWith(".log"));
    const files = await Promise.all(journals.map((name) => stat(join(this.#folder, name))));
    return files.reduce((sum, { size }) => sum + size, 0);
  }

  async #openAgain(): Promise<void> {
    if (this.#isClosed) throw new ClusterError("unavailable", "the job database is closed");
    this.#reopening ??= (async () => {
      await this.#level.close();
      await this.#open();
      this.#isBroken = false;
      this.#deps.log.warn({ folder: this.#folder }, "database opened again after a failed write");
    })().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening.catch((cause: unknown) => {
      throw new ClusterError("unavailable", "the job database cannot be opened again", { cause });
    });
  }

  async #open(): Promise<void> {
    const { log, onDamage } = this.#deps;
    try {
      await this.#level.open();
    } catch (reason) {
      if (codeOf(reason) !== "LEVEL_CORRUPTION") throw cannotOpen(this.#folder, reason);
      log.error({ err: reason, folder: this.#folder }, "database is damaged: it is rebuilt from its tables");
      onDamage();
      await ClassicLevel.repair(this.#folder);
      await this.#level.open();
    }
    // LevelDB tells of damage in its journal nowhere but here.
    const journal = await readFile(join(this.#folder, "LOG"), "utf8").catch(() => "");
    for (const [, bytes] of journal.matchAll(/dropping (\d+) bytes; Corruption/g)) {
      log.error({ bytes: Number(bytes), folder: this.#folder }, "damaged part of the journal was dropped");
      onDamage();
    }
  }

  async #checkFormat(): Promise<void> {
    const format = await this.#level.get(FORMAT_KEY);
    if (format === undefined)
      await this.write([{ type: "put", key: FORMAT_KEY, value: Buffer.from(FORMAT) }]);
    else if (format.toString() !== FORMAT) {
      throw new ClusterError(
        "unsupported",
        `${this.#folder} has jobs in format ${format.toString()}, this release reads format ${FORMAT}: ` +
          "use the release that wrote them, or another --data folder",
      );
    }
  }
}

function cannotOpen(folder: string, cause: unknown): ClusterError {
  if (codeOf(cause) === "LEVEL_LOCKED") {
    const text = `data folder ${folder} is in use by another coordinator: stop it, or give another --data folder`;
    return new ClusterError("invalid_config", text, { cause });
  }
  return new ClusterError(
    "invalid_config",
    `--data folder ${folder} cannot be used: ${whatHappened(cause)}`,
    {
      cause,
    },
  );
}

function readError(cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause) || cause instanceof ClusterError) return cause;
  if (codeOf(cause) === "LEVEL_CORRUPTION")
    return new ClusterError("data_loss", "a part of the job database is damaged", { cause });
  return new ClusterError("unavailable", "the job database cannot be read", { cause });
}

function writeError(cause: unknown): ClusterError {
  const isFull = /no space left|quota exceeded/i.test(whatHappened(cause));
  return isFull
    ? diskFull(cause)
    : new ClusterError("unavailable", "the job database cannot be written", { cause });
}

function diskFull(cause?: unknown): ClusterError {
  return new ClusterError("resource_exhausted", "the disk of the job database is full", { cause });
}

// LevelDB's own code stands on the error's cause when an open failed.
function codeOf(reason: unknown): unknown {
  if (!(reason instanceof Error)) return undefined;
  return codeOf(reason.cause) ?? ("code" in reason ? reason.code : undefined);
}

function whatHappened(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  return reason.cause instanceof Error ? reason.cause.message : reason.message;
}
