import { isAlert, type RuleGroup } from "@cogfleet/monitoring";

const UNIT_SECONDS = { s: 1, m: 60, h: 3600 } as const;

/**
 * The same rules on a clock that runs `factor` times as fast, so that a test sees them fire and resolve: windows ("[15m]"),
 * the time that an alert must hold ("for"), and limits in seconds ("..._seconds... > 900") are divided. Nothing else is.
 */
export function shortRules(groups: readonly RuleGroup[], factor: number): RuleGroup[] {
  const expr = (text: string): string =>
    text
      .replace(/\[(\w+)\]/g, (_all, window: string) => `[${shorter(window, factor)}]`)
      .replace(
        /(_seconds[\w:]*\)* [<>] )(\d+)/g,
        (_all, left: string, limit) => left + Number(limit) / factor,
      );
  return groups.map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => {
      const short = { ...rule, expr: expr(rule.expr) };
      return isAlert(short) && short.for !== undefined
        ? { ...short, for: shorter(short.for, factor) }
        : short;
    }),
  }));
}

function shorter(duration: string, factor: number): string {
  const [, count, unit] = /^(\d+)([smh])$/.exec(duration) ?? [];
  if (count === undefined) throw new Error(`not a duration: ${duration}`);
  const seconds = (Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS]) / factor;
  return `${Math.round(seconds * 1000)}ms`;
}
