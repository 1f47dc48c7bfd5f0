import type { FrameSize } from "@cogfleet/model";
import type { VaePlan } from "@cogfleet/parallel";
import type { Way } from "./exchange-end.js";
import { type RankChildren, startRankChildren } from "./rank-children.js";
import { type BenchResult, median, spread } from "./report.js";
import { mean, type Timing, together } from "./timing.js";
import type { VaeRankReply, VaeRankRequest } from "./vae-rank-process.js";

export interface VaeRanksOptions {
  /** Holds config.json and weights of a VAE. */
  readonly folder: string;
  /** Of each rank. */
  readonly threads: number;
  readonly repeats: number;
  /** Latents of a chunk. */
  readonly chunk: FrameSize;
  /** Chunks that each of the two ranks decodes. */
  readonly chunksOfRank: number;
}

const RANKS = 2;

/** A decode by two processes against each one's own chunks, decoded in as many processes that never talk. */
export async function vaeRanksBench(options: VaeRanksOptions): Promise<BenchResult[]> {
  const { folder, threads, repeats, chunk, chunksOfRank } = options;
  const argv = [folder, String(threads)];
  const ranks = await startRankChildren<VaeRankRequest, VaeRankReply>("./vae-rank-process.js", argv, RANKS);
  try {
    await joinAll(ranks, options);
    const both = async (request: VaeRankRequest): Promise<Timing> => {
      const replies = await ranks.askAll(() => request);
      return together(replies.flatMap((reply) => (reply.kind === "done" ? [reply] : [])));
    };
    const rounds: { readonly share: Timing; readonly decodes: Readonly<Record<Way, Timing>> }[] = [];
    for (let i = 0; i <= repeats; i++) {
      // One after another, so that all see the same machine; the first round only warms up.
      const before = await both({ kind: "share" });
      const shared = await both({ kind: "decode", way: "shared-memory" });
      const tcp = await both({ kind: "decode", way: "tcp" });
      const share = mean(before, await both({ kind: "share" }));
      if (i > 0) rounds.push({ share, decodes: { "shared-memory": shared, tcp } });
    }
    const compared = await ranks.ask(0, { kind: "compare" });
    if (compared.kind !== "compared" || !compared.isSame)
      throw new Error("two ranks decoded other bits than one");
    const fastest = (timings: readonly Timing[]): number => Math.min(...timings.map(({ wall }) => wall));
    return (["shared-memory", "tcp"] as const).map((way) => {
      const decodes = rounds.map((round) => round.decodes[way]);
      return {
        bench: `vae-decode-2-${way === "tcp" ? "tcp" : "same-host"}${chunksOfRank === 1 ? "-one-chunk" : ""}`,
        ...spread(rounds.map((round) => round.decodes[way].wall / round.share.wall)),
        goal: chunksOfRank === 1 ? null : 1.05,
        better: "lower",
        what: "decoding on 2 ranks, bits compared / each rank's chunks in 2 processes that never talk",
        figures: {
          chunks_of_a_rank: chunksOfRank,
          chunk_latent_frames: chunk.frames,
          threads_of_a_rank: threads,
          repeats,
          decode_seconds: median(decodes.map(({ wall }) => wall)),
          share_seconds: median(rounds.map(({ share }) => share.wall)),
          // On a machine that others use as well, these two say more than the median.
          ratio_of_fastest: fastest(decodes) / fastest(rounds.map(({ share }) => share)),
          ratio_of_cpu_time: median(rounds.map((round) => round.decodes[way].cpu / round.share.cpu)),
        },
      };
    });
  } finally {
    ranks.stop();
  }
}

async function joinAll(
  ranks: RankChildren<VaeRankRequest, VaeRankReply>,
  { chunk, chunksOfRank }: VaeRanksOptions,
): Promise<void> {
  const all = ranks.addresses;
  const size = { ...chunk, frames: RANKS * chunksOfRank * chunk.frames };
  const plan: VaePlan = {
    kind: "temporal",
    chunks: all.map((_, rank) => ({ start: rank * chunksOfRank, count: chunksOfRank })),
  };
  const ownFrames = chunksOfRank * chunk.frames;
  await ranks.askAll((rank) => ({ kind: "join", rank, all, plan, size, ownFrames }));
}
