import type { Clock } from "./clock.js";
import { ClusterError, type ErrorCode } from "./errors.js";
import type { Logger } from "./log.js";

/** Between two lines about failures of one code. */
const REPEAT_MS = 60_000;
/** A success ends it after so long without a failure: a sooner one may be another's, whose work needs less. */
const QUIET_MS = 5_000;

/**
 * What fails many times for one reason, such as every write to a full disk: logged when it begins, once a minute while
 * it lasts, and when it is over. A bug is logged each time.
 */
export class RecurringFailure {
  readonly #deps: { readonly clock: Pick<Clock, "now">; readonly log: Logger };
  readonly #lines: { readonly level: "warn" | "error"; readonly failed: string; readonly over: string };
  readonly #toldAt = new Map<ErrorCode, number>();
  #failures = 0;
  #since = 0;
  #last = 0;

  /** @param lines what the lines say, of a failure and of the end */
  constructor(
    deps: { readonly clock: Pick<Clock, "now">; readonly log: Logger },
    lines: { readonly level: "warn" | "error"; readonly failed: string; readonly over: string },
  ) {
    this.#deps = deps;
    this.#lines = lines;
  }

  /** @param fields of the line, should there be one */
  failed(reason: unknown, fields: object = {}): void {
    const { clock, log } = this.#deps;
    const { code } = ClusterError.from(reason);
    this.#last = clock.now();
    if (this.#failures === 0) this.#since = this.#last;
    this.#failures += 1;
    const silentMs = this.#last - (this.#toldAt.get(code) ?? Number.NEGATIVE_INFINITY);
    if (code !== "internal" && silentMs < REPEAT_MS) return;
    this.#toldAt.set(code, this.#last);
    log[this.#lines.level]({ err: reason, code, failures: this.#failures, ...fields }, this.#lines.failed);
  }

  succeeded(): void {
    const { clock, log } = this.#deps;
    if (this.#failures === 0 || clock.now() - this.#last < QUIET_MS) return;
    const seconds = (this.#last - this.#since) / 1000;
    log.info({ failures: this.#failures, seconds }, this.#lines.over);
    this.#toldAt.clear();
    this.#failures = 0;
  }
}
