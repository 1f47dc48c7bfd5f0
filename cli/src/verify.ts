import { availableParallelism } from "node:os";
import { parseDevice, startThreadRuntime } from "@cogfleet/ort";
import { type CaseResult, type Check, type Summary, summarize, verify } from "@cogfleet/verify";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { readComputeFlags } from "./fleet/worker-flags.js";

const CPU = { kind: "cpu", index: 0 } as const;

/** `cogfleet verify`: a line a case as it is done, then the summary. */
export async function runVerify(folder: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal, interrupt } = context;
  const flags = new FlagReader(raw);
  const threads = flags.integer("threads", { min: 1, max: 1024 }) ?? availableParallelism();
  const ranks = flags.integer("workers", { min: 1, max: 16 }) ?? 1;
  const { device: name = "cpu", precision = "fp32" } = readComputeFlags(flags);
  flags.finish();
  const isJson = flags.isSet("json");
  const onCpu = { device: CPU, precision: "fp32", threads, spin: true } as const;
  const runtime = startThreadRuntime({ ...onCpu, device: parseDevice(name), precision });
  const options = {
    startRuntime: () => runtime,
    ...(name === "cpu" ? {} : { startTextRuntime: () => startThreadRuntime(onCpu) }),
    precision,
    ranks,
  };

  const results: CaseResult[] = [];
  try {
    await runtime.ready(interrupt); // a device that is not there is no property of the cases
    for await (const result of verify(folder, options, interrupt)) {
      results.push(result);
      terminal.out(isJson ? JSON.stringify(result) : caseLine(result));
    }
  } finally {
    await runtime.close();
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
      const used = result.checks.map(shareUsed);
      const share = (100 * Math.max(0, ...used)).toFixed(1);
      return `${head}: ${result.checks.length} checks, at most ${share} % of the tolerance`;
    }
  }
}

/** Of what the check allows. */
function shareUsed({ max_abs, atol, rel_l2, rel_l2_allowed }: Check): number {
  if (rel_l2_allowed !== undefined) return rel_l2 / rel_l2_allowed;
  return atol > 0 ? max_abs / atol : 0;
}

function summaryLine({ cases, passed, failed, unsupported }: Summary): string {
  return `${cases} cases: ${passed} passed, ${failed} failed, ${unsupported} unsupported`;
}
