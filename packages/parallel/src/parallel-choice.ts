import { isGuided } from "@cogfleet/model";
import { COMPRESSIONS, type Compression } from "./compression.js";
import { MAX_RANKS, planSize } from "./plan.js";

/** What a user pins. Degrees that are left out are the planner's choice; activations are compressed only when asked. */
export interface ParallelChoice {
  readonly cfg?: 1 | 2;
  readonly context?: number;
  readonly activations?: Compression;
}

/** How many halves there are, and ranks of a half. */
export type Degrees = Required<Pick<ParallelChoice, "cfg" | "context">>;

/** What a text of degrees must be, for messages. */
export const PARALLEL_RULE =
  `must be "auto" or degrees such as "cfg=2,context=2" ` +
  `(cfg 1 or 2, context 1 to ${MAX_RANKS}, together at most ${MAX_RANKS} workers; approximate: activations ${COMPRESSIONS.join(" or ")}; each at most once)`;

/** Reads "auto" or degrees such as "cfg=2,context=2"; undefined when the text breaks `PARALLEL_RULE`. */
export function parseParallel(text: string): ParallelChoice | undefined {
  if (text === "auto") return {};
  const choice: { cfg?: 1 | 2; context?: number; activations?: Compression } = {};
  for (const part of text.split(",")) {
    const compression = COMPRESSIONS.find((one) => part === `activations=${one}`);
    if (compression !== undefined && choice.activations === undefined) {
      choice.activations = compression;
      continue;
    }
    const [, name, digits] = /^(cfg|context)=([1-9]\d{0,3})$/.exec(part) ?? [];
    const degree = Number(digits);
    if (name === "cfg" && choice.cfg === undefined && (degree === 1 || degree === 2)) choice.cfg = degree;
    else if (name === "context" && choice.context === undefined) choice.context = degree;
    else return undefined;
  }
  const { cfg = 1, context = 1 } = choice;
  return planSize({ cfg, context }) <= MAX_RANKS ? choice : undefined;
}

/** What a plan was made for, as `parseParallel` reads it. */
export function showParallel({
  cfg,
  context,
  activations,
}: Degrees & Pick<ParallelChoice, "activations">): string {
  return `cfg=${cfg},context=${context}${activations === undefined ? "" : `,activations=${activations}`}`;
}

/** Why a request cannot be run with the degrees that it pins; undefined: it can. */
export function choiceProblem({ cfg }: ParallelChoice, guidanceScale: number): string | undefined {
  if (cfg === 2 && !isGuided(guidanceScale))
    return `splits the two branches of the guidance, but guidance_scale ${guidanceScale} computes only one: use cfg=1`;
  return undefined;
}

/** Degrees for fewer workers than they take: as near as can be. */
export function fitChoice(choice: ParallelChoice, workers: number): ParallelChoice {
  const { cfg = 1, context = 1 } = choice;
  if (planSize({ cfg, context }) <= workers) return choice;
  const halves = cfg === 2 && workers >= 2 ? 2 : 1;
  return { ...choice, cfg: halves, context: Math.min(context, Math.floor(workers / halves)) };
}
