// How well transfers hide under arithmetic at the real shapes, without the cards: the real program over the real exchange,
// on devices and links that are MODELS. Time is dilated, so that the machine at hand can carry the bytes.
import { type Clock, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import {
  createScheduler,
  parseSchedulerConfig,
  planDenoise,
  type Scheduler,
  type Weights,
} from "@cogfleet/model";
import {
  DEFAULT_HOST_BYTES_PER_SECOND,
  type DenoiseDeal,
  dealDenoise,
  forwardFlops,
  type Group,
  jobShape,
  makePlan,
  type OwnState,
  openShardedTransformer,
  type Plan,
  type ShardedTransformer,
  shardedDenoiseStep,
} from "@cogfleet/parallel";
import { openLocalRanks } from "./modelled/local-ranks.js";
import { ModelledDevice } from "./modelled/modelled-device.js";
import { type LinkRate, ModelledLinks } from "./modelled/modelled-links.js";
import { CARD } from "./modelled/published.js";
import type { BenchResult } from "./report.js";

/** The degrees that xDiT reports, and 2 ranks that do nothing but exchange. */
const DEGREES = [
  { cfg: 1, context: 2 },
  { cfg: 2, context: 2 },
  { cfg: 2, context: 3 },
  { cfg: 2, context: 6 },
] as const;
const LINKS_GBIT = [10, 25, 100, 200] as const;
/** With the copies between card and host, which change the balance: at one link. */
const HOST_GBIT = 100;
const LATENCY_SECONDS = 20e-6;
/** All layers are alike: the time from one attention to the next stands for that of the 40 that are not run. */
const LAYERS = 2;
/**
 * A dilated step takes so many times as long as the same step at loopback's full speed. Ranks share one thread here, and
 * what it does between transfers is no part of the model: at 16 it is a few percent. Below 4 the real traffic would be
 * more than a quarter of what loopback carries.
 */
const DILATION = { wanted: 16, least: 4.2 } as const;
/** Seconds for all rows, when the machine is so busy that they would take longer. */
const BUDGET_SECONDS = 240;
/** Seconds after which only virtual time is left: the bench ends within 8 minutes on any machine. */
const REAL_SECONDS = 400;

interface Setting {
  readonly plan: Plan;
  readonly link: LinkRate;
  readonly hostBytesPerSecond: number | undefined;
}

/** Takes a step with all ranks; `timeScale` is seconds here for a modelled second. */
type RunStep = (timeScale: number) => Promise<StepTimes>;

/** All in modelled seconds of a whole step, but for `wallSeconds`. */
interface StepTimes {
  readonly wallSeconds: number;
  readonly stepSeconds: number;
  readonly computeSeconds: number;
  readonly hostSeconds: number;
  readonly transferSeconds: number;
  readonly bytes: number;
}

const job = jobShape(CARD.configs, CARD.args, "fp16");
const RATE = (2 * forwardFlops(job)) / CARD.stepSeconds;

/** A row for each fleet and link: the dilated step against the longer of its arithmetic and its transfers. */
export async function modelledFleetBench(
  clock: Clock,
  onRow: (row: BenchResult) => void = () => {},
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const rows = DEGREES.length * LINKS_GBIT.length; // that move bytes
  const startedAt = clock.now();
  let real = 0;
  for (const degrees of DEGREES) {
    const ranks = degrees.cfg * degrees.context;
    const local = await openLocalRanks(ranks);
    try {
      for (const gbit of LINKS_GBIT)
        for (const hasHost of gbit === HOST_GBIT ? [false, true] : [false]) {
          const seconds = (clock.now() - startedAt) / 1000;
          const isReal = !hasHost && seconds < REAL_SECONDS;
          const budgetSeconds = isReal ? (BUDGET_SECONDS - seconds) / (rows - real++) : undefined;
          const row = await fleetRow(clock, local.groups, degrees, gbit, hasHost, budgetSeconds);
          onRow(row);
          results.push(row);
        }
    } finally {
      await local.close();
    }
  }
  return results;
}

/** A row whose bytes move for about `budgetSeconds`; undefined: in virtual time alone. */
async function fleetRow(
  clock: Clock,
  groups: readonly Group[],
  degrees: (typeof DEGREES)[number],
  gbit: number,
  hasHost: boolean,
  budgetSeconds: number | undefined,
): Promise<BenchResult> {
  const link = { bytesPerSecond: (gbit * 1e9) / 8, latencySeconds: LATENCY_SECONDS };
  const { plan, seconds: expected } = plannedStep(degrees, link, hasHost);
  const hostBytesPerSecond = hasHost ? DEFAULT_HOST_BYTES_PER_SECOND : undefined;
  const setting = { plan, link, hostBytesPerSecond };
  const simulated = await simulatedStep(groups.length, setting);
  const real =
    budgetSeconds === undefined
      ? undefined
      : await realStep(clock, groups, setting, (expected * LAYERS) / job.layers, budgetSeconds);
  const run = real?.run ?? simulated;
  const deviceSeconds = run.computeSeconds + run.hostSeconds;
  const ratio = run.stepSeconds / Math.max(deviceSeconds, run.transferSeconds);
  const published = Object.entries(CARD.speedups).find(([cards]) => Number(cards) === groups.length)?.[1];
  return {
    bench: `modelled-fleet-${groups.length}x${gbit}Gb${hasHost ? "-host" : ""}`,
    ratio,
    min: ratio,
    max: ratio,
    goal: hasHost ? null : 1.1,
    better: "lower",
    what:
      `MODEL of ${groups.length} ${CARD.name}, ${CARD.model} at 480p, --parallel cfg=${plan.cfg},context=${plan.context}, ` +
      `${gbit} Gb/s links: step / max(arithmetic${hasHost ? " and host copies" : ""}, transfers); ` +
      `${LAYERS} of ${job.layers} layers run${real === undefined ? " in virtual time" : ""}, ` +
      `${hasHost ? "with" : "without"} the hop through host memory`,
    figures: {
      ranks: groups.length,
      cfg: plan.cfg,
      context: plan.context,
      parts: plan.parts ?? 1,
      runs: plan.runs ?? 1,
      link_gbit: gbit,
      modelled_step_seconds: run.stepSeconds,
      modelled_compute_seconds: run.computeSeconds,
      modelled_transfer_seconds: run.transferSeconds,
      modelled_host_copy_seconds: run.hostSeconds,
      planner_step_seconds: expected,
      simulated_step_seconds: simulated.stepSeconds,
      simulated_ratio: simulated.stepSeconds / Math.max(deviceSeconds, run.transferSeconds),
      speedup: CARD.stepSeconds / run.stepSeconds,
      ...(published === undefined ? {} : { xdit_speedup: published }),
      ...real?.figures,
    },
  };
}

/**
 * A step whose bytes move, dilated to about `budgetSeconds`, as far as loopback allows.
 * @param modelledSeconds that the step is expected to take
 */
async function realStep(
  clock: Clock,
  groups: readonly Group[],
  setting: Setting,
  modelledSeconds: number,
  budgetSeconds: number,
): Promise<{ readonly run: StepTimes; readonly figures: BenchResult["figures"] }> {
  const links = new ModelledLinks(clock, groups.length, setting.link);
  const carried = groups.map((group) => links.wrap(group));
  const runStep = await openFleet(clock, links, carried, setting);
  await runStep(0); // the first one works out positions
  // At full speed, and with no device in the way: what loopback carries, in this pattern and this minute.
  const free = await runStep(0);
  const loopback = free.bytes / free.wallSeconds;
  const dilatedSeconds = Math.max(
    DILATION.least * free.wallSeconds,
    Math.min(DILATION.wanted * free.wallSeconds, budgetSeconds),
  );
  const timeScale = dilatedSeconds / modelledSeconds;
  const run = await runStep(timeScale);
  return {
    run,
    figures: {
      time_dilation: timeScale,
      real_gb: run.bytes / 1e9,
      wall_seconds: run.wallSeconds,
      loopback_gb_per_second: loopback / 1e9,
      share_of_loopback: run.bytes / run.wallSeconds / loopback,
    },
  };
}

/** What the planner makes of these degrees: rows, heads, parts; and the seconds of a step that it expects. */
export function plannedStep(
  pinned: { readonly cfg: 1 | 2; readonly context: number },
  link: LinkRate,
  hasHost: boolean,
): { readonly plan: Plan; readonly seconds: number } {
  const workers = Array.from({ length: pinned.cfg * pinned.context }, (_, i) => ({
    id: `card${i}`,
    rate: RATE,
    memoryBytes: Number.POSITIVE_INFINITY,
    device: hasHost ? ("cuda" as const) : ("webgpu" as const),
  }));
  const fleet = { workers, link: () => link, hostBytesPerSecond: DEFAULT_HOST_BYTES_PER_SECOND };
  const result = makePlan({ configs: CARD.configs, args: CARD.args, precision: "fp16", fleet, pinned });
  if (result.kind === "refused") throw new Error(result.reason);
  const denoise = result.explanation.stages.find(({ stage }) => stage === "denoise");
  return { plan: result.plan, seconds: (denoise?.seconds ?? 0) / CARD.args.numInferenceSteps };
}

/** Virtual time costs nothing, and the modelled links look no closer than half a millisecond. */
const SIMULATED_DILATION = 1000;
/** Messages up to this are read; larger ones are tensors. */
const SIMULATED_BYTES = 64;

/**
 * The same program on the same models in virtual time, its large messages empty: what the arrangement would take on a
 * machine that does nothing else. What the real run takes longer is this machine's doing.
 */
export async function simulatedStep(ranks: number, setting: Setting): Promise<StepTimes> {
  const clock = new ManualClock();
  const links = new ModelledLinks(clock, ranks, setting.link);
  const groups = Array.from({ length: ranks }, (_, rank) => links.group(rank, SIMULATED_BYTES));
  const runStep = await openFleet(clock, links, groups, setting);
  const step = runStep(SIMULATED_DILATION);
  let isDone = false;
  const done = step.finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(1000 * SIMULATED_DILATION);
  return done;
}

/** Opens the ranks, whose groups are of `links`; what comes back takes a step with them. */
async function openFleet(
  clock: Clock,
  links: ModelledLinks,
  groups: readonly Group[],
  { plan, hostBytesPerSecond }: Setting,
): Promise<RunStep> {
  // Not rotary, since the rotary family is refused in fp16: 16-bit numbers are sent as the published runs did.
  const config = { ...CARD.configs.transformer, numLayers: LAYERS, useRotaryPositionalEmbeddings: false };
  const denoise = planDenoise(
    { transformer: config, vae: CARD.configs.vae },
    { ...CARD.args, useDynamicCfg: false },
  );
  const scheduler = createScheduler(parseSchedulerConfig("modelled", SCHEDULER));
  const ranks = await Promise.all(
    groups.map(async (group): Promise<ModelledRank> => {
      const device = new ModelledDevice(clock, { rate: RATE, hostBytesPerSecond });
      const transformer = await openShardedTransformer(device, config, ANY_WEIGHTS, "fp16", neverAborts);
      const deal = dealDenoise(group, plan, config, denoise, CARD.args.maxSequenceLength);
      const text = deal.layout.text[deal.context.rank]?.count ?? 0;
      const video = deal.layout.video[deal.context.rank]?.count ?? 0;
      const embeds = new Float32Array((2 / plan.cfg) * text * config.textEmbedDim);
      const latents = new Float32Array(video * config.inChannels * config.patchSize ** 2);
      const state = { step: 0, latents, previousX0: undefined, generators: [] };
      return { rank: group.rank, device, transformer, deal, embeds, state };
    }),
  );
  return (timeScale) => timedStep(clock, links, scheduler, ranks, timeScale);
}

interface ModelledRank {
  readonly rank: number;
  readonly device: ModelledDevice;
  readonly transformer: ShardedTransformer;
  readonly deal: DenoiseDeal;
  readonly embeds: Float32Array;
  readonly state: OwnState;
}

async function timedStep(
  clock: Clock,
  links: ModelledLinks,
  scheduler: Scheduler,
  ranks: readonly ModelledRank[],
  timeScale: number,
): Promise<StepTimes> {
  links.restart(timeScale);
  for (const { device } of ranks) device.restart(timeScale);
  const start = clock.now();
  const inForward = { portSeconds: 0 };
  await Promise.all(
    ranks.map(async ({ rank, transformer, deal, embeds, state }) => {
      const forward: ShardedTransformer["forward"] = async (...args) => {
        const output = await transformer.forward(...args);
        inForward.portSeconds = Math.max(inForward.portSeconds, links.portSeconds(rank));
        return output;
      };
      await shardedDenoiseStep({ transformer: { forward }, scheduler }, deal, embeds, state, neverAborts);
    }),
  );
  const wallSeconds = (clock.now() - start) / 1000;
  const layerSeconds = Math.max(...ranks.map(({ device }) => secondsBetweenLayers(device.attentionEnds)));
  const all = job.layers / LAYERS;
  const portSeconds = Math.max(...ranks.map(({ rank }) => links.portSeconds(rank)));
  const worst = (key: "computeSeconds" | "hostSeconds"): number =>
    all * Math.max(...ranks.map(({ device }) => device.busy[key]));
  return {
    wallSeconds,
    stepSeconds: (wallSeconds + (job.layers - LAYERS) * layerSeconds) / timeScale,
    computeSeconds: worst("computeSeconds"),
    hostSeconds: worst("hostSeconds"),
    transferSeconds: all * inForward.portSeconds + portSeconds - inForward.portSeconds,
    bytes: links.bytes,
  };
}

/** From the end of the first layer's attention to that of the last one's, a layer. */
function secondsBetweenLayers(attentionEnds: readonly number[]): number {
  const [first = 0, last = 0] = [attentionEnds[attentionEnds.length / LAYERS - 1], attentionEnds.at(-1)];
  return (last - first) / 1000 / (LAYERS - 1);
}

const SCHEDULER = {
  _class_name: "CogVideoXDDIMScheduler",
  beta_schedule: "scaled_linear",
  prediction_type: "v_prediction",
  rescale_betas_zero_snr: true,
  timestep_spacing: "trailing",
};

/** The graphs are built, and never computed. */
const ANY_WEIGHTS: Weights = {
  get: (name, dims) => ({ name, type: "float16", dims, file: "/nowhere", offset: 0, bytes: 0 }),
  has: () => true,
  requireAllUsed: () => {},
};

/** Speed-ups over one card, beside the published ones. */
export function modelledFleetTable(results: readonly BenchResult[]): string[] {
  const cell = (ranks: number, gbit: number, hasHost: boolean): string => {
    const name = `modelled-fleet-${ranks}x${gbit}Gb${hasHost ? "-host" : ""}`;
    const speedup = results.find(({ bench }) => bench === name)?.figures["speedup"];
    return (speedup === undefined ? "-" : `${speedup.toFixed(2)}x`).padStart(10);
  };
  const rows = DEGREES.map(({ cfg, context }) => {
    const ranks = cfg * context;
    const published = Object.entries(CARD.speedups).find(([cards]) => Number(cards) === ranks)?.[1];
    return [
      `${ranks} (cfg ${cfg}, context ${context})`.padEnd(24),
      ...LINKS_GBIT.map((gbit) => cell(ranks, gbit, false)),
      cell(ranks, HOST_GBIT, true),
      (published === undefined ? "-" : `${published.toFixed(2)}x`).padStart(10),
    ].join("");
  });
  const titles = [...LINKS_GBIT.map((gbit) => `${gbit} Gb/s`), `${HOST_GBIT} +host`, "xDiT"];
  return [
    `MODEL: speed-up over one ${CARD.name} (${CARD.stepSeconds} s a step, published), ${CARD.model}, 480p, 49 frames`,
    ["ranks".padEnd(24), ...titles.map((title) => title.padStart(10))].join(""),
    ...rows,
  ];
}
