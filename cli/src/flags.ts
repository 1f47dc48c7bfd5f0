import { ClusterError } from "@cogfleet/core";

/** Options as commander hands them out: by camelCase name; strings, true, or left out. */
export type RawFlags = Readonly<Record<string, unknown>>;

const INT32_MAX = 2 ** 31 - 1; // what the wire takes: protobuf would wrap a larger one silently

/** Reads flags strictly and collects every problem; `finish` reports them together. */
export class FlagReader {
  readonly #raw: RawFlags;
  readonly #problems: string[] = [];

  constructor(raw: RawFlags) {
    this.#raw = raw;
  }

  /** The value as typed; undefined when the flag was left out. */
  text(flag: string): string | undefined {
    const value = this.#raw[camelCase(flag)];
    return typeof value === "string" ? value : undefined;
  }

  /** A value that must be given and not blank; "" (and a problem) otherwise. */
  requiredText(flag: string): string {
    const value = this.text(flag);
    if (value === undefined) this.#problems.push(`--${flag} is required`);
    else if (value.trim() === "") this.#problems.push(`--${flag} must not be blank`);
    return value ?? "";
  }

  /** Whether a flag without a value was given. */
  isSet(flag: string): boolean {
    return this.#raw[camelCase(flag)] === true;
  }

  /** Whether a flag was switched off: `--no-metadata` for "metadata". */
  isOff(flag: string): boolean {
    return this.#raw[camelCase(flag)] === false;
  }

  /** Whether the flag was given at all. */
  has(flag: string): boolean {
    return this.#raw[camelCase(flag)] !== undefined;
  }

  /** A whole number in [min, max], by default an int32 of any sign. */
  integer(flag: string, range: { readonly min?: number; readonly max?: number } = {}): number | undefined {
    const raw = this.text(flag);
    if (raw === undefined) return undefined;
    const { min = -INT32_MAX, max = INT32_MAX } = range;
    const value = Number(raw);
    if (/^-?\d+$/.test(raw) && value >= min && value <= max) return value;
    const bounds =
      range.min === undefined ? "" : ` from ${min}${range.max === undefined ? "" : ` to ${max}`}`;
    this.#problems.push(`--${flag} must be a whole number${bounds}, got "${raw}"`);
    return undefined;
  }

  /** A finite decimal number of at least `min`. */
  decimal(flag: string, min: number): number | undefined {
    return this.#decimal(flag, (value) => value >= min, `of at least ${min}`);
  }

  /** A finite decimal number above 0. */
  positive(flag: string): number | undefined {
    return this.#decimal(flag, (value) => value > 0, "above 0");
  }

  #decimal(flag: string, isAllowed: (value: number) => boolean, rule: string): number | undefined {
    const raw = this.text(flag);
    if (raw === undefined) return undefined;
    const value = Number(raw);
    const isDecimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(raw);
    if (isDecimal && Number.isFinite(value) && isAllowed(value)) return value;
    this.#problems.push(`--${flag} must be a finite number ${rule}, got "${raw}"`);
    return undefined;
  }

  /** A point in time with its zone, such as 2026-12-01T10:00:00Z; as wall time in milliseconds. */
  time(flag: string): number | undefined {
    const raw = this.text(flag);
    if (raw === undefined) return undefined;
    const isZoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(raw);
    const value = isZoned ? Date.parse(raw) : Number.NaN;
    if (!Number.isNaN(value)) return value;
    this.#problems.push(`--${flag} must be a time with its zone, such as 2026-12-01T10:00:00Z, got "${raw}"`);
    return undefined;
  }

  /** Digits of a seed, 0 to 2^53 - 1: kept as text, so that none is rounded. */
  seed(flag: string): string | undefined {
    const raw = this.text(flag);
    if (raw === undefined) return undefined;
    if (/^\d+$/.test(raw) && Number(raw) <= Number.MAX_SAFE_INTEGER) return raw;
    this.#problems.push(
      `--${flag} must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER} (2^53 - 1), got "${raw}"`,
    );
    return undefined;
  }

  /** One of a closed set of words. */
  oneOf<const T extends string>(flag: string, allowed: readonly T[]): T | undefined {
    const raw = this.text(flag);
    const value = allowed.find((candidate) => candidate === raw);
    this.require(
      raw === undefined || value !== undefined,
      `--${flag} must be ${allowed.join(" or ")}, got "${raw}"`,
    );
    return value;
  }

  /** Records a problem unless `ok`. */
  require(ok: boolean, problem: string): void {
    if (!ok) this.#problems.push(problem);
  }

  /** `invalid_request` with every problem, one a line, if there was any. */
  finish(): void {
    if (this.#problems.length > 0) throw new ClusterError("invalid_request", this.#problems.join("\n  "));
  }
}

/** `host:port`, host a name, an IPv4 address or an IPv6 address in brackets. */
export function isEndpoint(text: string): boolean {
  const match = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})$/i.exec(text);
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65_535;
}

function camelCase(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
