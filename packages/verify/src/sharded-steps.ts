import type { DenoisePlan, DenoiseState, Scheduler, TransformerConfig } from "@cogfleet/model";
import { isGuided } from "@cogfleet/model";
import {
  dealDenoise,
  dealEmbeds,
  dealState,
  gatherState,
  type OwnState,
  type Plan,
  type ShardedTransformer,
  shardedDenoiseStep,
} from "@cogfleet/parallel";
import { ranksOf } from "./on-ranks.js";

/** A denoise over several ranks, step by step. */
export interface ShardedSteps {
  /** The whole state after the next step. */
  next(signal: AbortSignal): Promise<DenoiseState>;
}

/** Of an even number of ranks each half computes one branch of the guidance, if there is any. */
export function stepPlan(ranks: number, guidanceScale: number): Plan {
  const cfg = ranks % 2 === 0 && isGuided(guidanceScale) ? 2 : 1;
  const rates = new Array<number>(ranks).fill(1);
  return { cfg, context: ranks / cfg, rates, vae: { kind: "serial" } };
}

/** Deals embeddings and noise over the ranks, who keep their rows from step to step. */
export async function startShardedSteps(
  parts: {
    readonly ranks: number;
    readonly transformer: Pick<ShardedTransformer, "forward">;
    readonly scheduler: Scheduler;
    readonly config: TransformerConfig;
    readonly textTokens: number;
  },
  denoise: DenoisePlan,
  embeds: Float32Array,
  start: DenoiseState,
  signal: AbortSignal,
): Promise<ShardedSteps> {
  const { ranks, transformer, scheduler, config, textTokens } = parts;
  const plan = stepPlan(ranks, denoise.guidanceScale);
  const onRanks = ranksOf(ranks);
  const own = await onRanks(async (group) => {
    const deal = dealDenoise(group, plan, config, denoise, textTokens);
    const isFirst = group.rank === 0;
    const text = await dealEmbeds(deal, isFirst ? embeds : undefined, signal);
    return { deal, text, state: await dealState(deal, isFirst ? start : undefined, signal) };
  });
  const states: OwnState[] = own.map(({ state }) => state);
  return {
    async next(stepSignal) {
      const [whole] = await onRanks(async ({ rank }) => {
        const { deal, text } = own[rank] as (typeof own)[number];
        const before = states[rank] as OwnState;
        const after = await shardedDenoiseStep({ transformer, scheduler }, deal, text, before, stepSignal);
        states[rank] = after;
        return gatherState(deal, after, stepSignal);
      });
      return whole as DenoiseState;
    },
  };
}
