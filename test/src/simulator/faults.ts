import { CRASH_POINTS } from "./crash-points.js";
import type { Dice } from "./dice.js";
import { STORE_HOST, type StoreMood } from "./sim-stores.js";

/** Something that goes wrong, at a moment in milliseconds. */
export type Fault =
  | { readonly kind: "kill worker"; readonly at: number; readonly worker: number; readonly downMs: number }
  | {
      readonly kind: "worker loses power";
      readonly at: number;
      readonly worker: number;
      readonly downMs: number;
    }
  | { readonly kind: "stop worker"; readonly at: number; readonly worker: number; readonly downMs: number }
  | { readonly kind: "freeze worker"; readonly at: number; readonly worker: number; readonly ms: number }
  | {
      readonly kind: "slow worker";
      readonly at: number;
      readonly worker: number;
      readonly factor: number;
      readonly ms: number;
    }
  | {
      readonly kind: "kill coordinator" | "coordinator loses power" | "stop coordinator";
      readonly at: number;
      readonly coordinator: number;
      readonly downMs: number;
    }
  | {
      readonly kind: "freeze coordinator";
      readonly at: number;
      readonly coordinator: number;
      readonly ms: number;
    }
  | {
      readonly kind: "partition";
      readonly at: number;
      readonly from: string;
      readonly to: string;
      readonly isOneWay: boolean;
      readonly ms: number;
    }
  | { readonly kind: "reset"; readonly at: number; readonly from: string; readonly to: string }
  /** What a worker says and stores comes a second time, later than what follows it. */
  | { readonly kind: "repeat"; readonly at: number; readonly worker: number; readonly ms: number }
  | { readonly kind: "slow network"; readonly at: number; readonly factor: number; readonly ms: number }
  | {
      readonly kind: "store";
      readonly at: number;
      readonly mood: Exclude<StoreMood, "well">;
      readonly ms: number;
    }
  | { readonly kind: "clock jump"; readonly at: number; readonly host: string; readonly ms: number }
  | { readonly kind: "damage"; readonly at: number; readonly how: "flip" | "truncate" }
  /** Whoever is the `nth` to come by a point after `at` ends there. */
  | { readonly kind: "crash"; readonly at: number; readonly point: string; readonly nth: number };

export type FaultKind = Fault["kind"];

/** How many processes there are to go wrong. */
export interface Population {
  readonly coordinators: number;
  readonly workers: number;
}

export function coordinatorHost(coordinator: number): string {
  return `coordinator${coordinator}`;
}

export function workerHost(worker: number): string {
  return `host${worker}`;
}

const HORIZON_MS = 45_000;
const LONGEST_MS = 20_000;

// How often each kind is drawn; crash points are many.
const DRAWN: readonly Exclude<FaultKind, "repeat">[] = [
  "kill worker",
  "kill worker",
  "worker loses power",
  "worker loses power",
  "stop worker",
  "stop worker",
  "freeze worker",
  "slow worker",
  "slow worker",
  "kill coordinator",
  "kill coordinator",
  "coordinator loses power",
  "stop coordinator",
  "freeze coordinator",
  "partition",
  "partition",
  "partition",
  "reset",
  "reset",
  "slow network",
  "store",
  "store",
  "store",
  "clock jump",
  "damage",
  "crash",
  "crash",
  "crash",
  "crash",
  "crash",
  "crash",
];

/** Up to twelve faults; none in a few runs, so that a fault is not what makes them pass. */
export function drawFaults(dice: Dice, population: Population): Fault[] {
  const count = dice.chance(0.05) ? 0 : dice.whole(1, 12);
  // Misfortunes seldom come singly: in some runs they come within seconds.
  const [from, to] = dice.chance(0.4) ? [dice.between(0, 20_000), 6_000] : [0, HORIZON_MS];
  const faults = Array.from({ length: count }, (_, i) => {
    const own = dice.of(`fault ${i}`);
    return drawFault(own, population, from + own.between(0, to));
  });
  if (dice.chance(0.1)) faults.push(...silentLoss(dice.of("silent loss"), population));
  if (dice.chance(0.2)) faults.push(repetition(dice.of("repetition"), population));
  return faults.sort((a, b) => a.at - b.at);
}

/** A worker that only its silence tells of, while the coordinator's clock has just been set. */
function silentLoss(dice: Dice, { workers }: Population): Fault[] {
  const at = dice.between(1_000, 30_000);
  const worker = dice.whole(0, workers - 1);
  return [
    { kind: "clock jump", at, host: coordinatorHost(0), ms: dice.pick([-1, 1]) * 3_600_000 },
    {
      kind: "worker loses power",
      at: at + dice.between(0, 5_000),
      worker,
      downMs: dice.between(5_000, 20_000),
    },
  ];
}

function repetition(dice: Dice, { workers }: Population): Fault {
  const ms = dice.between(5_000, HORIZON_MS);
  return { kind: "repeat", at: dice.between(0, 20_000), worker: dice.whole(0, workers - 1), ms };
}

function drawFault(dice: Dice, { coordinators, workers }: Population, at: number): Fault {
  const kind = DRAWN[dice.whole(0, DRAWN.length - 1)] as (typeof DRAWN)[number];
  const worker = dice.whole(0, workers - 1);
  const downMs = dice.between(100, 8_000);
  const ms = dice.chance(0.5) ? dice.between(100, 4_000) : dice.between(2_000, LONGEST_MS);
  const coordinator = dice.whole(0, coordinators - 1);
  const hosts = [
    ...Array.from({ length: coordinators }, (_, i) => coordinatorHost(i)),
    ...Array.from({ length: workers }, (_, i) => workerHost(i)),
    ...(coordinators > 1 ? [STORE_HOST, STORE_HOST] : []),
    "clients",
  ];
  const from = hosts[dice.whole(0, hosts.length - 2)] as string;
  const others = hosts.filter((host) => host !== from) as [string, ...string[]];
  const to =
    dice.chance(0.6) && from !== coordinatorHost(coordinator)
      ? coordinatorHost(coordinator)
      : dice.pick(others);
  switch (kind) {
    case "kill worker":
    case "worker loses power":
    case "stop worker":
      return { kind, at, worker, downMs };
    case "freeze worker":
      return { kind, at, worker, ms };
    case "slow worker":
      return { kind, at, worker, factor: dice.pick([3, 5, 20, 40]), ms: 2 * ms };
    case "kill coordinator":
    case "coordinator loses power":
    case "stop coordinator":
      return { kind, at, coordinator, downMs };
    case "freeze coordinator":
      return { kind, at, coordinator, ms };
    case "partition":
      return dice.chance(0.5)
        ? { kind, at, from, to, isOneWay: dice.chance(0.5), ms }
        : { kind, at, from: to, to: from, isOneWay: true, ms };
    case "reset":
      return { kind, at, from, to };
    case "slow network":
      return { kind, at, factor: dice.pick([10, 50, 200]), ms };
    case "store":
      return { kind, at, mood: dice.pick(["down", "slow", "full", "mute"]), ms: ms / 2 };
    case "clock jump":
      return {
        kind,
        at,
        host: dice.chance(0.7) ? coordinatorHost(coordinator) : workerHost(worker),
        ms: dice.pick([-1, 1]) * 3_600_000,
      };
    case "damage":
      return { kind, at, how: dice.pick(["flip", "truncate"]) };
    case "crash":
      return {
        kind,
        // From the start, too: links are measured before the first job.
        at: dice.of("early").chance(0.5) ? 0 : at,
        point: CRASH_POINTS[dice.whole(0, CRASH_POINTS.length - 1)] as string,
        nth: dice.chance(0.6) ? 1 : dice.whole(2, 5),
      };
  }
}

/** When the last of them is over, but for crash points, which wait for somebody to come by. */
export function endOf(faults: readonly Fault[]): number {
  return Math.max(
    0,
    ...faults.map((fault) => fault.at + ("ms" in fault && fault.kind !== "clock jump" ? fault.ms : 0)),
  );
}
