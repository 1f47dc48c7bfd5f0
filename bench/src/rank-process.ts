// One rank of parallel-step and cfg-step: it takes denoising steps with the others, or its share of one by itself.
//   node rank-process.js CHECKPOINT THREADS
import process from "node:process";
import { systemClock } from "@cogfleet/core";
import type { GrpcGroup } from "@cogfleet/exchange";
import { startThreadRuntime } from "@cogfleet/ort";
import type { Plan } from "@cogfleet/parallel";
import { type Addresses, openEnd, type Way } from "./exchange-end.js";
import { openRankStep, type RankStep } from "./rank-step.js";

/** What the parent asks for: to join once, then for steps and shares. */
export type RankRequest =
  | {
      readonly kind: "join";
      readonly rank: number;
      readonly all: readonly Addresses[];
      readonly plan: Plan;
    }
  | { readonly kind: "step"; readonly way: Way }
  | { readonly kind: "share" };

export type RankReply =
  | { readonly kind: "hello"; readonly addresses: Addresses }
  | { readonly kind: "joined" }
  | ({ readonly kind: "done" } & Timing);

/** Seconds: by the clock, and of all threads of the process. */
export interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

const [folder = "", threads = "1"] = process.argv.slice(2);
const runtime = startThreadRuntime({
  device: { kind: "cpu", index: 0 },
  precision: "fp32",
  threads: Number(threads),
  spin: false,
});
const end = await openEnd();
let rank: { readonly step: RankStep; readonly groups: Readonly<Record<Way, GrpcGroup>> } | undefined;

async function obey(request: RankRequest): Promise<RankReply> {
  if (request.kind === "join") {
    const groups = await end.join(request.rank, request.all);
    rank = { groups, step: await openRankStep(runtime, folder, request.plan, groups.tcp) };
    return { kind: "joined" };
  }
  if (rank === undefined) throw new Error("asked to compute before joining");
  const cpu = process.cpuUsage();
  const start = systemClock.now();
  if (request.kind === "share") await rank.step.share();
  else await rank.step.step(rank.groups[request.way]);
  const wall = (systemClock.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { kind: "done", wall, cpu: (user + system) / 1e6 };
}

process.on("message", (message) => {
  obey(message as RankRequest).then(
    (reply) => process.send?.(reply),
    (reason: unknown) => {
      process.stderr.write(`${reason instanceof Error ? reason.stack : reason}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "hello", addresses: end.addresses } satisfies RankReply);
