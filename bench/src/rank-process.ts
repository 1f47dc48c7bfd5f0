// One rank of parallel-step and cfg-step: it takes denoising steps with the others, or its share of one by itself.
//   node rank-process.js CHECKPOINT THREADS
import process from "node:process";
import type { GrpcGroup } from "@cogfleet/exchange";
import { startThreadRuntime } from "@cogfleet/ort";
import type { Plan } from "@cogfleet/parallel";
import { type Addresses, openEnd, type Way } from "./exchange-end.js";
import { answerParent } from "./rank-children.js";
import { openRankStep, type RankStep } from "./rank-step.js";
import { type Timing, timed } from "./timing.js";

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

export type RankReply = { readonly kind: "joined" } | ({ readonly kind: "done" } & Timing);

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
  const { step, groups } = rank;
  const work = request.kind === "share" ? step.share : () => step.step(groups[request.way]);
  return { kind: "done", ...(await timed(work)) };
}

answerParent(end.addresses, obey);
