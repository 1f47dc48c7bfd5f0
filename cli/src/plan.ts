import { ClusterError } from "@cogfleet/core";
import { configsOf, inspect, type Precision, resolveRequest } from "@cogfleet/model";
import { type Limit, makePlan, type PlanResult, type StageEstimate, showParallel } from "@cogfleet/parallel";
import { choosePrecision } from "@cogfleet/worker";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { openFolder } from "./model-choice.js";
import type { PlanRequest } from "./plan-flags.js";
import { bytesText, secondsText } from "./view/quantities.js";
import { table } from "./view/table.js";

/** `cogfleet plan`: how a job would be spread over workers that are described, and why. Starts nothing. */
export async function runPlan(request: PlanRequest, context: CommandContext): Promise<ExitCode> {
  const { device, rates, memoryBytes, bytesPerSecond, latencySeconds, hostBytesPerSecond } = request;
  const checkpoint = await openFolder(request.model, context.interrupt);
  const args = resolveRequest(checkpoint.facts, { prompt: "any", ...request.args }, context.random);
  const precision = choosePrecision(
    request.precision,
    { kind: device, index: 0 },
    { ...inspect(checkpoint), facts: checkpoint.facts },
  );
  const result = makePlan({
    configs: configsOf(checkpoint),
    args,
    precision,
    fleet: {
      workers: rates.map((rate, i) => ({ id: `w${i}`, rate, memoryBytes, device })),
      link: () => ({ bytesPerSecond, latencySeconds }),
      hostBytesPerSecond,
    },
    pinned: request.pinned,
  });
  if (result.kind === "refused") throw new ClusterError(result.code, result.reason);
  const title =
    `${checkpoint.facts.name}, ${args.width}x${args.height}, ${args.numFrames} frames, ` +
    `${args.numInferenceSteps} steps, ${precision} on ${rates.length} x ${device}`;
  const lines = request.isJson ? [planJson(result, precision)] : planLines(title, result);
  for (const line of lines) context.terminal.out(line);
  return 0;
}

type Planned = Extract<PlanResult, { kind: "planned" }>;

/** For machines: one object. */
function planJson({ plan, workers, explanation, alternatives }: Planned, precision: Precision): string {
  return JSON.stringify({
    precision,
    plan,
    workers,
    seconds: explanation.seconds,
    memory_bytes: explanation.memoryBytes,
    stages: explanation.stages.map((stage) => ({
      stage: stage.stage,
      seconds: stage.seconds,
      compute_seconds: stage.computeSeconds,
      wire_seconds: stage.wireSeconds,
      latency_seconds: stage.latencySeconds,
      host_seconds: stage.hostSeconds,
      bytes: stage.bytes,
      limit: stage.limit,
    })),
    // JSON has no Infinity: what does not fit has no time.
    alternatives: alternatives.map(({ cfg, context, vae, seconds }) => ({
      parallel: showParallel({ cfg, context }),
      vae,
      seconds: Number.isFinite(seconds) ? seconds : null,
    })),
  });
}

const LIMIT_TEXT = {
  compute: "arithmetic",
  wire: "bandwidth between workers",
  latency: "latency between workers",
  host: "copies between card and host",
  load: "another form of the model is loaded",
} as const satisfies Record<Limit, string>;

const MOST_ALTERNATIVES = 8;

/** For people. */
function planLines(title: string, { plan, workers, explanation, alternatives }: Planned): string[] {
  const { stages, seconds, memoryBytes } = explanation;
  const row = (stage: StageEstimate): string[] => [
    stage.stage,
    ...[stage.seconds, stage.computeSeconds, stage.wireSeconds, stage.latencySeconds, stage.hostSeconds].map(
      secondsText,
    ),
    bytesText(stage.bytes),
    LIMIT_TEXT[stage.limit],
  ];
  const shown = alternatives.slice(0, MOST_ALTERNATIVES);
  return [
    title,
    `plan: --parallel ${showParallel(plan)}, decode ${plan.vae.kind}, on ${workers.join(", ")}; about ${secondsText(seconds)}`,
    ...(plan.activations === undefined
      ? []
      : [`approximate: activations are exchanged as ${plan.activations}`]),
    `memory: up to ${bytesText(Math.max(...memoryBytes))} a worker`,
    "",
    ...table(["STAGE", "TIME", "COMPUTE", "WIRE", "LATENCY", "HOST", "BYTES", "LIMIT"], stages.map(row), [
      "TIME",
      "COMPUTE",
      "WIRE",
      "LATENCY",
      "HOST",
      "BYTES",
    ]),
    "",
    "Estimated. Transfers run under arithmetic where they can, so the columns need not add up to TIME.",
    "",
    ...table(
      ["WEIGHED", "DECODE", "TIME", ""],
      shown.map(({ cfg, context, vae, seconds: time }, i) => [
        showParallel({ cfg, context }),
        vae,
        Number.isFinite(time) ? secondsText(time) : "does not fit",
        i === 0 ? "chosen" : "",
      ]),
      ["TIME"],
    ),
    ...(alternatives.length > shown.length ? [`and ${alternatives.length - shown.length} slower ones`] : []),
  ];
}
