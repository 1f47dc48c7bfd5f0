import { join } from "node:path";
import { neverAborts } from "@cogfleet/core";
import {
  createScheduler,
  innerDim,
  openTransformer,
  type Runtime,
  readScheduler,
  readTransformerFolder,
  startDenoise,
  TorchGenerator,
  timestepSinusoid,
} from "@cogfleet/model";
import {
  type AttentionCell,
  type DenoiseDeal,
  dealDenoise,
  dealEmbeds,
  dealState,
  type Group,
  gatherState,
  type OwnState,
  openShardedTransformer,
  ownPositions,
  type Plan,
  type Share,
  shardedDenoiseStep,
  unsharded,
} from "@cogfleet/parallel";
import { madeUp, shareGraph } from "./share-graph.js";

/** A rank of a plan, on a checkpoint at the size that its config names. */
export interface RankStep {
  /** One step with the other ranks, as workers take it: guidance, scheduler and the state gathered at rank 0. */
  step(group: Group): Promise<void>;
  /** This rank's share of the arithmetic of such a step, alone. */
  share(): Promise<void>;
}

const STEPS = 50;

/** Opens what one rank needs: segments for context parallelism, else the whole transformer. */
export async function openRankStep(
  runtime: Runtime,
  folder: string,
  plan: Plan,
  place: Group,
): Promise<RankStep> {
  const { config, weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
  const { config: schedulerConfig } = await readScheduler(join(folder, "scheduler"), neverAborts);
  const scheduler = createScheduler(schedulerConfig);
  const transformer =
    plan.context === 1
      ? unsharded(await openTransformer(runtime, config, weights(), "fp32", neverAborts), config)
      : await openShardedTransformer(runtime, config, weights(), "fp32", neverAborts);
  const { sampleHeight: height, sampleWidth: width, inChannels: channels } = config;
  const frames = Math.floor((config.sampleFrames - 1) / config.temporalCompressionRatio) + 1;
  const denoise = {
    batch: 1,
    latents: { frames, channels, height, width, additionalFrames: 0 },
    numInferenceSteps: STEPS,
    guidanceScale: 6,
    useDynamicCfg: false,
  };
  const dealFor = (group: Group): DenoiseDeal =>
    dealDenoise(group, plan, config, denoise, config.maxTextSeqLength);
  const states = new Map<
    Group,
    { readonly deal: DenoiseDeal; readonly embeds: Float32Array; state: OwnState }
  >();
  const opened = async (group: Group) => {
    const known = states.get(group);
    if (known !== undefined) return known;
    const deal = dealFor(group);
    const [embeds, first] =
      group.rank === 0
        ? [
            new Float32Array(2 * config.maxTextSeqLength * config.textEmbedDim).map(Math.sin),
            startDenoise(denoise, [TorchGenerator.seeded(1)]),
          ]
        : [undefined, undefined];
    const own = await dealEmbeds(deal, embeds, neverAborts);
    const started = { deal, embeds: own, state: await dealState(deal, first, neverAborts) };
    states.set(group, started);
    return started;
  };

  const deal = dealFor(place);
  const { layout, size } = deal;
  const rank = deal.context.rank;
  const shareOf = (shares: readonly Share[]): number => shares[rank]?.count ?? 0;
  const share = {
    batch: 2 / plan.cfg,
    textTokens: shareOf(layout.text),
    videoTokens: shareOf(layout.video),
    allTokens: layout.rows.reduce((sum, { count }) => sum + count, 0),
    cell: joined(layout.parts.map((cells) => cells[rank] as AttentionCell)),
  };
  const alone = await runtime.open(shareGraph(config, weights(), share), neverAborts);
  const features = config.inChannels * config.patchSize ** 2;
  const floats = (...dims: readonly number[]) => ({
    type: "float32" as const,
    data: new Float32Array(dims.reduce((a, b) => a * b, 1)).map(Math.sin),
    dims,
  });
  const inputs = {
    hidden_states: floats(share.batch, share.videoTokens, features),
    encoder_hidden_states: floats(share.batch, share.textTokens, config.textEmbedDim),
    time_sinusoid: {
      ...floats(share.batch, innerDim(config)),
      data: timestepSinusoid(new Array<number>(share.batch).fill(499), innerDim(config), config),
    },
    ...ownPositions(config, size, layout, rank),
    made_up: madeUp(config),
  };

  return {
    async step(group) {
      const known = await opened(group);
      const { deal: own, embeds, state } = known;
      const from = state.step === STEPS ? { ...state, step: 0, previousX0: undefined } : state;
      known.state = await shardedDenoiseStep({ transformer, scheduler }, own, embeds, from, neverAborts);
      await gatherState(own, known.state, neverAborts);
    },
    async share() {
      await alone.run(inputs, neverAborts);
    },
  };
}

/** The parts of a cell as one. */
function joined(parts: readonly AttentionCell[]): AttentionCell {
  const [first] = parts as readonly [AttentionCell];
  const count = parts.reduce((sum, { heads }) => sum + heads.count, 0);
  return { heads: { start: first.heads.start, count }, queries: first.queries };
}
