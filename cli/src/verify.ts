import { availableParallelism } from "node:os";
import { startThreadRuntime } from "@cogfleet/ort";
import { type CaseResult, type Summary, summarize, verify } from "@cogfleet/verify";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { FlagReader, type RawFlags } from "./flags.js";

/** `cogfleet verify`: a line a case as it is done, then the summary. */
export async function runVerify(folder: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal, interrupt } = context;
  const flags = new FlagReader(raw);
  const threads = flags.integer("threads", { min: 1, max: 1024 }) ?? availableParallelism();
  const ranks = flags.integer("workers", { min: 1, max: 16 }) ?? 1;
  flags.finish();
  const isJson = flags.isSet("json");
  const startRuntime = () =>
    startThreadRuntime({ device: { kind: "cpu", index: 0 }, precision: "fp32", threads, spin: true });

  const results: CaseResult[] = [];
  for await (const result of verify(folder, { startRuntime, ranks }, interrupt)) {
    results.push(result);
    terminal.out(isJson ? JSON.stringify(result) : caseLine(result));
  }
  const summary = summarize(results);
  terminal.out(isJson ? JSON.stringify(summary) : summaryLine(summary));
  return verifyExitCode(summary, flags.isSet("strict"));
}

/** Any failure is 1; with `isStrict` an unsupported case is one. */
export function verifyExitCode(summary: Summary, isStrict: boolean): ExitCode {
  return summary.failed > 0 || (isStrict && summary.unsupported > 0) ? 1 : 0;
}

/** For people: the case with its tightest check, or why it failed. */
export function caseLine(result: CaseResult): string {
  const head = `${result.status.padEnd(11)} ${result.case}`;
  switch (result.status) {
    case "failed":
      return `${head}: ${result.error}`;
    case "unsupported":
      return `${head}: ${result.reason}`;
    case "passed": {
      const used = result.checks.map(({ max_abs, atol }) => (atol > 0 ? max_abs / atol : 0));
      const share = (100 * Math.max(0, ...used)).toFixed(1);
      return `${head}: ${result.checks.length} checks, at most ${share} % of the tolerance`;
    }
  }
}

function summaryLine({ cases, passed, failed, unsupported }: Summary): string {
  return `${cases} cases: ${passed} passed, ${failed} failed, ${unsupported} unsupported`;
}
