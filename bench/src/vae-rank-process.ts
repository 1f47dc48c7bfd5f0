// One rank of vae-decode: it decodes with the others, or its own chunks by itself.
//   node vae-rank-process.js VAE_FOLDER THREADS
import process from "node:process";
import { neverAborts } from "@cogfleet/core";
import { type FrameSize, openVaeDecoder, readVaeFolder } from "@cogfleet/model";
import { startThreadRuntime } from "@cogfleet/ort";
import { type Group, openShardedVaeDecoder, type VaePlan } from "@cogfleet/parallel";
import { type Addresses, openEnd, type Way } from "./exchange-end.js";
import { answerParent } from "./rank-children.js";
import { type Timing, timed } from "./timing.js";

/** What the parent asks for: to join once, then the rest in any order. */
export type VaeRankRequest =
  | {
      readonly kind: "join";
      readonly rank: number;
      readonly all: readonly Addresses[];
      readonly plan: VaePlan;
      readonly size: FrameSize;
      /** Latent frames of this rank's chunks. */
      readonly ownFrames: number;
    }
  | { readonly kind: "decode"; readonly way: Way }
  | { readonly kind: "share" }
  /** On rank 0, after a decode: whether one worker gets the same bits. */
  | { readonly kind: "compare" };

export type VaeRankReply =
  | { readonly kind: "joined" }
  | { readonly kind: "compared"; readonly isSame: boolean }
  | ({ readonly kind: "done" } & Timing);

const [folder = "", threads = "1"] = process.argv.slice(2);
const device = { kind: "cpu", index: 0 } as const;
const runtime = startThreadRuntime({ device, precision: "fp32", threads: Number(threads), spin: false });
const end = await openEnd();
const { config, weights } = await readVaeFolder(folder, neverAborts);
const sharded = await openShardedVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
const alone = await openVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
const untiled = { tiling: false };

function someLatents({ frames, height, width }: FrameSize): Float32Array {
  const count = config.latentChannels * frames * height * width;
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
}

interface Joined {
  readonly groups: Readonly<Record<Way, Group>>;
  readonly plan: VaePlan;
  readonly size: FrameSize;
  readonly latents: Float32Array;
  readonly own: FrameSize;
  readonly ownLatents: Float32Array;
}
let joined: Joined | undefined;
let decoded: Float32Array | undefined;

async function obey(request: VaeRankRequest): Promise<VaeRankReply> {
  if (request.kind === "join") {
    const { rank, all, plan, size } = request;
    const groups = await end.join(rank, all);
    await sharded.prepare(rank, plan, size, untiled, neverAborts);
    const own = { ...size, frames: request.ownFrames };
    joined = { groups, plan, size, latents: someLatents(size), own, ownLatents: someLatents(own) };
    return { kind: "joined" };
  }
  if (joined === undefined) throw new Error("asked to compute before joining");
  const { groups, plan, size, latents, own, ownLatents } = joined;
  if (request.kind === "compare") {
    const { sample } = await alone.decode(latents, size, untiled, neverAborts);
    return { kind: "compared", isSame: sample.every((value, i) => value === decoded?.[i]) };
  }
  const work = async (): Promise<void> => {
    if (request.kind === "share") await alone.decode(ownLatents, own, untiled, neverAborts);
    else {
      const group = groups[request.way];
      decoded = (await sharded.decode(group, plan, latents, size, untiled, neverAborts))?.sample;
    }
  };
  return { kind: "done", ...(await timed(work)) };
}

answerParent(end.addresses, obey);
