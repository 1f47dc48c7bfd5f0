import { check, recomputedSteps, type Violation } from "./checks.js";
import { CRASH_POINTS } from "./crash-points.js";
import { type Told, toLine } from "./history.js";
import type { Outcome } from "./simulation.js";

/** What one seed came to, in plain data. */
export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The last lines of the history, when something was violated. */
  readonly tail: readonly string[];
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Where processes ended. */
  readonly crashPoints: readonly string[];
  /** By the state in which they ended. */
  readonly jobs: Readonly<Record<string, number>>;
  readonly begunSteps: number;
  readonly recomputedSteps: number;
  readonly virtualMs: number;
  readonly sha256: string;
}

const TAIL = 40;
const MAX_SHOWN = 10;

export function resultOf(outcome: Outcome): SeedResult {
  const { history, scenario, jobs } = outcome;
  const violations = check(outcome);
  return {
    seed: scenario.seed,
    violations,
    tail: violations.length === 0 ? [] : history.facts.filter(isTelling).slice(-TAIL).map(toLine),
    faults: count(history.of("fault").map(({ fault, detail }) => kindOf(fault, detail))),
    crashPoints: history.of("crash point").map(({ point }) => point),
    jobs: count(jobs.map(({ job }) => job.state.kind)),
    begunSteps: history.of("begun").length,
    recomputedSteps: recomputedSteps(outcome).length,
    virtualMs: outcome.virtualMs,
    sha256: history.sha256(),
  };
}

/** What many seeds came to. */
export function summary(results: readonly SeedResult[], realSeconds: number): string {
  const failed = results.filter(({ violations }) => violations.length > 0);
  const hit = new Set(results.flatMap(({ crashPoints }) => crashPoints));
  const missed = CRASH_POINTS.filter((point) => !hit.has(point));
  const faults = totals(results.map((result) => result.faults));
  const sum = (of: (result: SeedResult) => number): number => results.reduce((all, one) => all + of(one), 0);
  return [
    `${results.length} seeds, ${failed.length} with a violation`,
    `faults: ${shown(faults)}`,
    `crash points: ${hit.size} of ${CRASH_POINTS.length} hit, ${sum((one) => one.crashPoints.length)} times${
      missed.length > MAX_SHOWN || missed.length === 0 ? "" : `; not: ${missed.join(", ")}`
    }`,
    `jobs: ${shown(totals(results.map((result) => result.jobs)))}`,
    `steps: ${sum((one) => one.begunSteps)} begun, ${sum((one) => one.recomputedSteps)} computed again after they were reported`,
    `time: ${Math.round(sum((one) => one.virtualMs) / 1000)} virtual seconds in ${realSeconds.toFixed(1)} real ones`,
  ].join("\n");
}

/** What is wrong with a seed, and how to see it again. */
export function complaint({ seed, violations, tail }: SeedResult): string {
  return [
    ...violations.map(({ check: name, what }) => `seed ${seed}: ${name}: ${what}`),
    ...tail,
    `again: npm run simulate -- --seed ${seed} --trace`,
  ].join("\n");
}

function isTelling({ kind }: Told): boolean {
  return kind !== "observed";
}

function kindOf(fault: string, detail: string): string {
  if (fault !== "store") return fault;
  const { mood } = JSON.parse(detail) as { mood: string };
  return `store ${mood}`;
}

function count(names: readonly string[]): Record<string, number> {
  return totals(names.map((name) => ({ [name]: 1 })));
}

function totals(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts)
    for (const [name, number] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + number;
  return sums;
}

function shown(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, number]) => `${number} ${name}`)
    .join(", ");
}
