import type { SubmitBody } from "@cogfleet/coordinator/testing/domain.js";
import { sampleSubmission } from "@cogfleet/coordinator/testing/sample-jobs.js";
import type { Dice } from "./dice.js";
import { START } from "./sim-process.js";

/** A job that somebody wants, and what they do about it. */
export interface Wish {
  readonly name: string;
  readonly at: number;
  readonly body: SubmitBody;
  /** Clients that ask for it at the same time. */
  readonly clients: number;
  /** The first of them ends so long after it has asked, whether it was answered or not. */
  readonly diesAfterMs: number | undefined;
  /** After the answer. */
  readonly cancelAfterMs: number | undefined;
  readonly watchers: number;
  /** Whether the request must be refused. */
  readonly isBad: boolean;
}

const HORIZON_MS = 30_000;
const DEGREES = [
  { parallel: "auto", ranks: 1 },
  { parallel: "cfg=2", ranks: 2 },
  { parallel: "context=2", ranks: 2 },
  { parallel: "context=3", ranks: 3 },
  { parallel: "cfg=2,context=2", ranks: 4 },
] as const;

/** @param ranks that a job may take at most */
export function drawWishes(dice: Dice, ranks: number): Wish[] {
  const count = dice.whole(1, 6);
  return Array.from({ length: count }, (_, i) => drawWish(dice.of(`wish ${i}`), i, ranks));
}

function drawWish(dice: Dice, index: number, ranks: number): Wish {
  const hasKey = dice.chance(0.7);
  const isBad = dice.chance(0.06);
  const name = `j${index}`;
  const trouble = dice.chance(0.06) ? `${dice.pick(["poison", "breaks"])} ` : "";
  // Now and then two want different things under one key.
  const key = dice.chance(0.08) ? "shared" : name;
  const degrees = DEGREES.filter((choice) => choice.ranks <= ranks);
  const { parallel } = degrees[dice.whole(0, degrees.length - 1)] as (typeof DEGREES)[number];
  const at = dice.chance(0.4) ? dice.between(0, 500) : dice.between(0, HORIZON_MS);
  return {
    name,
    at,
    body: sampleSubmission({
      prompt: `${trouble}video ${name}`,
      seed: String(dice.whole(0, 2 ** 31)),
      numInferenceSteps: isBad ? -3 : dice.whole(1, 7),
      parallel,
      priority: dice.chance(0.3) ? dice.whole(-5, 5) : undefined,
      idempotencyKey: hasKey ? key : undefined,
      tenant: dice.chance(0.5) ? dice.pick(["red", "blue"]) : undefined,
      deadline: dice.chance(0.05) ? START + at + dice.between(2_000, 60_000) : undefined,
      maxRunSeconds: dice.chance(0.05) ? dice.whole(2, 20) : undefined,
      extraArtifacts: dice.chance(0.3) ? ["latents"] : [],
    }),
    clients: hasKey && dice.chance(0.25) ? dice.whole(2, 8) : 1,
    diesAfterMs: dice.chance(0.12) ? dice.between(0, 12) : undefined,
    cancelAfterMs: dice.chance(0.22)
      ? dice.chance(0.5)
        ? dice.between(0, 60)
        : dice.between(0, 15_000)
      : undefined,
    watchers: dice.whole(0, 2),
    isBad,
  };
}
