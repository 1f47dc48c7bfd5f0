// The kinds of fields that config.json files have, with the words that a wrong one is refused with.
import { ClusterError } from "@cogfleet/core";
import * as z from "zod";
import { shown } from "./shown.js";

export function integer(min: number, max: number, fallback?: number): z.ZodType<number> {
  return field(
    (value): value is number => Number.isInteger(value) && within(value, min, max),
    `an integer in [${min}, ${max}]`,
    fallback,
  );
}

/** A finite number above `min`, at most `max`. */
export function real(min: number, max: number, fallback?: number): z.ZodType<number> {
  return field(
    (value): value is number => Number.isFinite(value) && value !== min && within(value, min, max),
    `a number above ${min}, at most ${max}`,
    fallback,
  );
}

export function flag(fallback: boolean): z.ZodType<boolean> {
  return field((value): value is boolean => typeof value === "boolean", "true or false", fallback);
}

export function integers(
  min: number,
  max: number,
  fallback: readonly number[],
): z.ZodType<readonly number[]> {
  return field(
    (value): value is number[] =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= 16 &&
      value.every((item) => Number.isInteger(item) && within(item, min, max)),
    `a list of 1 to 16 integers in [${min}, ${max}]`,
    fallback,
  );
}

/** An integer or null, which is also what it is when it is left out. */
export function optionalInteger(min: number, max: number): z.ZodType<number | null> {
  return field(
    (value): value is number | null => value === null || (Number.isInteger(value) && within(value, min, max)),
    `null or an integer in [${min}, ${max}]`,
    null,
  );
}

/** A field of which some values only are implemented here: others are `unsupported`, not invalid. */
export function only<const T>(supported: readonly T[], fallback: unknown): z.ZodType<T> {
  const isSupported = (value: unknown): value is T => supported.some((known) => Object.is(known, value));
  return field(isSupported, supported.map(shown).join(" or "), fallback, "unsupported");
}

/** A list of which every item is the one kind implemented here. */
export function listOf(supported: string, fallback: readonly string[]): z.ZodType<readonly string[]> {
  return field(
    (value): value is string[] => Array.isArray(value) && value.every((item) => item === supported),
    `a list of ${shown(supported)}`,
    fallback,
    "unsupported",
  );
}

export type Code = "invalid" | "unsupported";

/** A rule between fields that is broken: of `field`, what is said after its name. */
export interface Broken {
  readonly code: Code;
  readonly field: string;
  readonly problem: string;
}

/** Adds the rules between fields, looked at once each field is right by itself. */
export function rules<T extends object>(
  schema: z.ZodType<T>,
  check: (config: T) => readonly (Broken | false)[],
): z.ZodType<T> {
  return schema.superRefine((config, context) => {
    for (const broken of check(config)) {
      if (broken === false) continue;
      const { code, field, problem } = broken;
      context.addIssue({ code: "custom", path: [field], message: problem, params: { code } });
    }
  });
}

/**
 * Parses what a config file holds; fields that the schema does not know are ignored. Every wrong field is reported
 * together, as `unsupported` when each of them is well-formed but not implemented here, else as `invalid_checkpoint`.
 */
export function parseConfig<T>(source: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { issues } = result.error;
  const isUnsupported = issues.every((issue) => {
    const { code = undefined } = issue.code === "custom" ? (issue.params ?? {}) : {};
    return code === "unsupported";
  });
  const problems = issues.map((issue) => `${issue.path.join(".")} ${issue.message}`.trim());
  const fields = issues.map((issue) => issue.path.join("."));
  throw new ClusterError(
    isUnsupported ? "unsupported" : "invalid_checkpoint",
    `${source}: ${problems.join("; ")}`,
    { details: { fields: fields.join(",") } },
  );
}

function field<T>(
  isRight: (value: unknown) => value is T,
  expected: string,
  fallback: unknown,
  code: Code = "invalid",
): z.ZodType<T> {
  const schema = z.custom<T>(isRight, {
    error: ({ input }) =>
      code === "unsupported"
        ? `${shown(input)} is not supported, only ${expected}`
        : `must be ${expected}, got ${shown(input)}`,
    params: { code },
  });
  return schema.prefault(fallback as never); // a default is checked like a value: it may be one we do not support
}

function within(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}
