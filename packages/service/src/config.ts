import { parseArgs } from "node:util";
import { ClusterError } from "@cogfleet/core";
import { z } from "zod";

/** One setting: its flag `--data-dir` is also the variable `COGFLEET_DATA_DIR`. */
export interface Setting<T> {
  /** What is allowed, to stand after "must be": "an integer from 0 to 65535". */
  readonly rule: string;
  readonly schema: z.ZodType<T>;
  /** Value when neither flag nor variable is set; undefined: the setting is required. */
  readonly fallback: T | undefined;
  /** The flag takes no value: its presence means "true". */
  readonly isSwitch: boolean;
  /** For --help. */
  readonly help: string;
}

/** Settings by name in camelCase: `dataDir` is `--data-dir`. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;
export type ConfigOf<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

export function integerSetting(options: {
  readonly min: number;
  readonly max: number;
  readonly fallback?: number;
  readonly help: string;
}): Setting<number> {
  const { min, max } = options;
  return {
    rule: `an integer from ${min} to ${max}`,
    schema: z
      .string()
      .regex(/^-?\d+$/)
      .transform(Number)
      .pipe(z.int().min(min).max(max)),
    fallback: options.fallback,
    isSwitch: false,
    help: options.help,
  };
}

export function textSetting(options: { readonly fallback?: string; readonly help: string }): Setting<string> {
  return {
    rule: "not empty",
    schema: z.string().refine((text) => text.trim() !== ""),
    fallback: options.fallback,
    isSwitch: false,
    help: options.help,
  };
}

export function choiceSetting<const T extends string>(options: {
  readonly choices: readonly [T, ...T[]];
  readonly fallback?: T;
  readonly help: string;
}): Setting<T> {
  return {
    rule: `one of ${options.choices.join(", ")}`,
    schema: z.enum(options.choices),
    fallback: options.fallback,
    isSwitch: false,
    help: options.help,
  };
}

export function switchSetting(options: { readonly help: string }): Setting<boolean> {
  return {
    rule: "true or false",
    schema: z.enum(["true", "false"]).transform((text) => text === "true"),
    fallback: false,
    isSwitch: true,
    help: options.help,
  };
}

/**
 * Reads every setting from its flag, else from its variable, else its fallback. Throws `invalid_config` that names
 * every problem: flag and variable, value, rule.
 * @param argv flags without the program's name, such as ["--port", "7070"]
 * @param relations the problems of settings that do not fit each other, asked once each is right by itself
 */
export function readConfig<S extends Settings>(
  settings: S,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  relations: (config: ConfigOf<S>) => readonly string[] = () => [],
): ConfigOf<S> {
  const problems: string[] = [];
  const flags = readFlags(settings, argv, problems);
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const flag = flagOf(name);
    const variable = variableOf(name);
    const fromFlag = flags.get(flag);
    const raw = fromFlag ?? env[variable];
    if (raw === undefined) {
      if (setting.fallback === undefined) problems.push(`--${flag} (or ${variable}) is required`);
      config[name] = setting.fallback;
      continue;
    }
    const parsed = setting.schema.safeParse(raw);
    const source = fromFlag === undefined ? variable : `--${flag}`;
    if (parsed.success) config[name] = parsed.data;
    else problems.push(`${source} must be ${setting.rule}, got "${raw}"`);
  }
  const complete = config as ConfigOf<S>; // every setting was parsed by its own schema, or is a problem
  if (problems.length === 0) problems.push(...relations(complete));
  if (problems.length > 0) throw new ClusterError("invalid_config", problems.join("; "));
  return Object.freeze(complete);
}

/** The settings as lines for --help. */
export function describeSettings(settings: Settings): string {
  const rows = Object.entries(settings).map(([name, setting]) => {
    const fallback = setting.fallback === undefined ? "required" : `default ${String(setting.fallback)}`;
    return [
      `--${flagOf(name)}`,
      `${setting.help} (${setting.rule}; ${fallback}; ${variableOf(name)})`,
    ] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return rows.map(([flag, text]) => `  ${flag.padEnd(width)}  ${text}`).join("\n");
}

function readFlags(settings: Settings, argv: readonly string[], problems: string[]): Map<string, string> {
  const options = Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => [
      flagOf(name),
      { type: setting.isSwitch ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  // Not strict: parseArgs would stop at the first problem, and we report them all.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional") problems.push(`unknown argument "${token.value}"`);
    if (token.kind !== "option") continue;
    const option = options[token.name];
    if (option === undefined) problems.push(`unknown flag ${token.rawName}`);
    else if (option.type === "string" && token.value === undefined)
      problems.push(`${token.rawName} needs a value`);
    else flags.set(token.name, token.value ?? "true");
  }
  return flags;
}

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function variableOf(name: string): string {
  return `COGFLEET_${flagOf(name).replaceAll("-", "_").toUpperCase()}`;
}
