import { ClusterError, linkSignals, orAbort, RecurringFailure } from "@cogfleet/core";
import type { Bucket, BucketChange, BucketLook } from "./bucket.js";
import { isStreamMissing } from "./nats-error.js";
import type { NatsLink } from "./nats-link.js";

/** Takes the changes of the keys that begin with a word and a dot. */
export interface FeedReader {
  /** @param name the key without its first word */
  change(name: string, change: BucketChange): void;
  /** A whole pass is over: what is not among these names, and was not written after `seen`, is there no more. */
  passed?(names: ReadonlySet<string>, seen: number): void;
}

/** How long marks of what was removed are kept for those that were away, milliseconds. */
const KEEP_MARKS_MS = 3_600_000;
const LOOK_MS = 5_000;
const PAUSE_MS = 500;
/** A cluster that was just started may not know all of its streams. */
const MISSING_MS = 5_000;
const WAIT = { patienceMs: 5_000 };
const LINES = {
  level: "warn",
  failed: "changes of the store are not heard; trying on",
  over: "changes of the store are heard again",
} as const;

/**
 * Follows a bucket: tells its readers of everything in it, and then of each change by whoever made it, in their order.
 * It goes on after the servers or the connection were away.
 */
export class BucketFeed {
  readonly #bucket: Bucket;
  readonly #link: NatsLink;
  readonly #readers = new Map<string, FeedReader>();
  readonly #syncKey: string;
  readonly #deaf: RecurringFailure;
  readonly #marks = new Map<string, { readonly revision: number; readonly at: number }>();
  #seen = 0;
  #isWhole = false;
  #heard: () => void = () => {};
  #again = new AbortController();
  /** Revision of the newest mark of ours. */
  #marked = 0;
  /** Since when there is no such bucket, monotonic milliseconds. */
  #missingSince: number | undefined;
  readonly #failed = new AbortController();

  /** @param replica names this process among those that follow the bucket */
  constructor(bucket: Bucket, link: NatsLink, replica: string) {
    this.#bucket = bucket;
    this.#link = link;
    this.#syncKey = `sync.${replica}`;
    this.#deaf = new RecurringFailure(link, LINES);
  }

  /** Before `run`. */
  read(word: string, reader: FeedReader): void {
    this.#readers.set(word, reader);
  }

  /** Whether everything that was there when it began has been told. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Aborts when the bucket is older than what was told of it: nothing that was heard can be believed any more. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Follows until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = this.#link.onReconnect(() => this.#restart("the connection was lost"));
    const looking = this.#lookAfter(signal);
    let lastAt = this.#link.clock.now();
    try {
      while (!signal.aborted) {
        this.#again = new AbortController();
        const linked = linkSignals(signal, this.#again.signal);
        const { clock } = this.#link;
        // Whoever was away for longer than marks are kept cannot be told of what was removed.
        if (clock.now() - lastAt > KEEP_MARKS_MS / 2) this.#isWhole = false;
        try {
          if (this.#isWhole) await this.#mark(linked.signal);
          await this.#follow(linked.signal, () => {
            lastAt = clock.now();
            this.#deaf.succeeded();
          });
        } catch (reason) {
          if (!linked.signal.aborted) this.#deaf.failed(reason);
        } finally {
          linked.unlink();
        }
        if (!signal.aborted && !this.#again.signal.aborted)
          await clock.sleep(PAUSE_MS, signal).catch(() => {});
      }
    } finally {
      stop();
      await looking;
    }
  }

  /** Resolves once everything is told that was acknowledged anywhere before the call. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const revision = await this.#mark(signal);
    while (this.#seen < revision || !this.#isWhole) {
      const change = new Promise<void>((resolve) => {
        const others = this.#heard;
        this.#heard = () => {
          others();
          resolve();
        };
      });
      await orAbort(change, signal);
    }
  }

  /** Writes to the bucket; the revision of that comes after all that was written before it. */
  async #mark(signal: AbortSignal): Promise<number> {
    const [known, marked] = [Math.max(this.#seen, this.#bucket.newest), this.#marked];
    const before = await this.#look(signal);
    // Whatever it says.
    const mark = Buffer.from(String(before.revision));
    const revision = await this.#bucket.write(this.#syncKey, mark, before.revision, WAIT, signal);
    if (revision === undefined) return this.#mark(signal); // another call of ours was faster
    if (before.revision < marked || revision <= known)
      this.#fail(`it was at revision ${known} and is at ${revision}`);
    this.#marked = Math.max(this.#marked, revision);
    return revision;
  }

  async #look(signal: AbortSignal): Promise<BucketLook> {
    try {
      const found = await this.#bucket.look(this.#syncKey, WAIT, signal);
      this.#missingSince = undefined;
      return found;
    } catch (reason) {
      const now = this.#link.clock.now();
      this.#missingSince = isStreamMissing(reason) ? (this.#missingSince ?? now) : undefined;
      if (this.#missingSince !== undefined && now - this.#missingSince >= MISSING_MS)
        this.#fail(`bucket ${this.#bucket.name} is gone`);
      throw reason;
    }
  }

  #fail(how: string): void {
    const text = `NATS lost what it had acknowledged, as it may with the power without sync_interval: always: ${how}`;
    this.#failed.abort(new ClusterError("data_loss", text));
  }

  async #follow(signal: AbortSignal, onWord: () => void): Promise<void> {
    const isPass = !this.#isWhole;
    const names = new Map([...this.#readers.keys()].map((word) => [word, new Set<string>()]));
    for await (const change of this.#bucket.follow(isPass ? 0 : this.#seen + 1, signal)) {
      onWord();
      if (change !== undefined) {
        const dot = change.key.indexOf(".");
        const word = change.key.slice(0, dot);
        const name = change.key.slice(dot + 1);
        if (!this.#isWhole && change.value !== undefined) names.get(word)?.add(name);
        this.#note(change);
        this.#readers.get(word)?.change(name, change);
        this.#seen = Math.max(this.#seen, change.revision);
      } else if (!this.#isWhole) {
        for (const [word, reader] of this.#readers) reader.passed?.(names.get(word) ?? new Set(), this.#seen);
        names.clear();
        this.#isWhole = true;
      }
      const heard = this.#heard;
      this.#heard = () => {};
      heard();
    }
  }

  #note({ key, value, revision }: BucketChange): void {
    if (value !== undefined) this.#marks.delete(key);
    else this.#marks.set(key, { revision, at: this.#link.clock.now() });
  }

  #restart(why: string): void {
    this.#again.abort(new ClusterError("unavailable", why));
  }

  /** Now and then sees whether changes still come, and removes old marks. */
  async #lookAfter(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#link;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#forgetMarks(signal);
        if (this.#isWhole) await this.#hears(signal);
      } catch (reason) {
        if (!signal.aborted) log.warn({ err: reason }, "the store was not looked after");
      }
    }
  }

  async #hears(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#link;
    const late = new AbortController();
    const linked = linkSignals(signal, late.signal);
    const seen = this.#seen;
    clock.sleep(2 * LOOK_MS, linked.signal).then(
      () => late.abort(new ClusterError("unavailable", "a mark of ours was not heard")),
      () => {},
    );
    try {
      await this.caughtUp(linked.signal);
    } catch (reason) {
      if (!late.signal.aborted) throw reason;
      log.warn({ seen }, "changes of the store do not come any more: asking for them anew");
      this.#restart("changes did not come");
    } finally {
      late.abort();
      linked.unlink();
    }
  }

  async #forgetMarks(signal: AbortSignal): Promise<void> {
    const { clock } = this.#link;
    for (const [key, { revision, at }] of this.#marks) {
      if (clock.now() - at < KEEP_MARKS_MS) return; // they come in the order of their age
      await this.#bucket.forget(key, revision, WAIT.patienceMs, signal);
      this.#marks.delete(key);
    }
  }
}
