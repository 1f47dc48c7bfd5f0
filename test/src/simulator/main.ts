// npm run simulate -- [--seeds 1000 [--from 1]] | --seed N [--trace] | --mutants: see docs/reliability.md.
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { toLine } from "./history.js";
import { caught, MUTANTS } from "./mutants.js";
import { complaint, resultOf, type SeedResult, summary } from "./report.js";
import { runSeeds } from "./run-seeds.js";
import { shrink } from "./shrink.js";
import { scenarioOf, simulate } from "./simulation.js";

const MAX_COMPLAINTS = 10;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
  },
});
process.exitCode = await main();

function main(): Promise<number> {
  const seeds = wholeNumber("seeds", values.seeds);
  if (values.mutants) return mutants(seeds);
  if (values.seed !== undefined) return one(wholeNumber("seed", values.seed), values.trace);
  return many(wholeNumber("from", values.from), seeds);
}

function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`simulate: --${flag} must be a whole number, got "${text}"`);
  process.exit(2);
}

async function many(first: number, seeds: number): Promise<number> {
  const results: SeedResult[] = [];
  const startedAt = performance.now();
  await runSeeds(first, seeds, availableParallelism(), (result) => results.push(result));
  const failed = results.filter(({ violations }) => violations.length > 0).sort((a, b) => a.seed - b.seed);
  for (const result of failed.slice(0, MAX_COMPLAINTS)) console.log(`${complaint(result)}\n`);
  if (failed.length > 0) console.log(`seeds with a violation: ${failed.map(({ seed }) => seed).join(", ")}`);
  console.log(summary(results, (performance.now() - startedAt) / 1000));
  return failed.length === 0 ? 0 : 1;
}

/** Whether the checks notice every defect that is put in. */
async function mutants(seeds: number): Promise<number> {
  let missed = 0;
  for (const mutant of Object.keys(MUTANTS)) {
    const found = await caught(mutant, seeds);
    if (found === undefined) missed += 1;
    const how =
      found === undefined
        ? `not noticed in ${seeds} seeds`
        : `seed ${found.seed}, "${found.violation.check}"`;
    console.log(`${mutant}: ${how}`);
  }
  return missed === 0 ? 0 : 1;
}

/** One seed, and when it breaks a promise, the fewest faults and wishes that do. */
async function one(seed: number, isTraced: boolean): Promise<number> {
  const startedAt = performance.now();
  const scenario = scenarioOf(seed);
  const outcome = await simulate(scenario);
  const result = resultOf(outcome);
  if (isTraced) for (const fact of outcome.history.facts) console.log(toLine(fact));
  const [first] = result.violations;
  if (first !== undefined) {
    console.log(complaint(result));
    const { faults, wishes } = await shrink(scenario, first.check);
    console.log(`as little as this breaks "${first.check}":`);
    for (const wish of wishes) console.log(`  ${JSON.stringify(wish)}`);
    for (const fault of faults) console.log(`  ${JSON.stringify(fault)}`);
  }
  console.log(summary([result], (performance.now() - startedAt) / 1000));
  console.log(`history: sha256 ${result.sha256}`);
  return first === undefined ? 0 : 1;
}
