import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { ONE_RANK } from "@cogfleet/parallel";
import type { Job } from "./job.js";
import { type JobChange, next } from "./job-life.js";
import { emptyVideo, sampleJob } from "./testing/sample-jobs.js";

const POLICY = { maxFruitlessAttempts: 2 };
const DEADLINE = 1000;
const NO = { code: "x", message: "no" };
const CHECKPOINT = { epoch: 1, step: 1, bytes: 1, sha256: "c" };
const SPEC = new URL("../../../docs/spec.md", import.meta.url);

/** A change, as the table calls it, what must be true of the job for it, and when it happens. */
interface Row {
  readonly label: string;
  readonly change: (job: Job) => JobChange;
  readonly given?: Partial<Job>;
  readonly at?: number;
}

const assigned = (epoch: number): JobChange => ({
  ...{ kind: "assigned", epoch, workerIds: ["w"], plan: ONE_RANK, parts: [] },
});
const onLast = { fruitlessAttempts: POLICY.maxFruitlessAttempts - 1 };

/** Every kind of change with every condition that its outcome depends on. */
const ROWS = {
  assigned: [
    { label: "assigned", change: ({ epoch }) => assigned(epoch + 1) },
    { label: "assigned, stale", change: ({ epoch }) => assigned(epoch) },
  ],
  stage_started: [
    {
      label: "stage_started",
      change: ({ epoch }) => ({ kind: "stage_started", epoch, stage: "denoise", warnings: [] }),
    },
    {
      label: "stage_started, stale",
      change: ({ epoch }) => ({ kind: "stage_started", epoch: epoch - 1, stage: "denoise", warnings: [] }),
    },
  ],
  step_done: [
    { label: "step_done", change: ({ epoch }) => ({ kind: "step_done", epoch, step: 2, seconds: 1 }) },
    {
      label: "step_done, a step that was done",
      change: ({ epoch }) => ({ kind: "step_done", epoch, step: 1, seconds: 1 }),
    },
    {
      label: "step_done, stale",
      change: ({ epoch }) => ({ kind: "step_done", epoch: epoch - 1, step: 2, seconds: 1 }),
    },
  ],
  completed: [
    {
      label: "completed",
      change: ({ epoch }) => ({ kind: "completed", epoch, artifacts: [emptyVideo], seconds: 1 }),
    },
    {
      label: "completed, without a video",
      change: ({ epoch }) => ({ kind: "completed", epoch, artifacts: [], seconds: 1 }),
    },
    {
      label: "completed, stale",
      change: ({ epoch }) => ({ kind: "completed", epoch: epoch - 1, artifacts: [emptyVideo], seconds: 1 }),
    },
  ],
  attempt_failed: [
    {
      label: "attempt_failed, for good",
      change: ({ epoch }) => ({ kind: "attempt_failed", epoch, error: NO, isRetryable: false }),
    },
    {
      label: "attempt_failed, retryable",
      change: ({ epoch }) => ({ kind: "attempt_failed", epoch, error: NO, isRetryable: true }),
    },
    {
      label: "attempt_failed, retryable, the last that may get nowhere",
      change: ({ epoch }) => ({ kind: "attempt_failed", epoch, error: NO, isRetryable: true }),
      given: onLast,
    },
    {
      label: "attempt_failed, out of memory, with another plan",
      change: ({ epoch }) => ({
        ...{ kind: "attempt_failed", epoch, error: NO, isRetryable: false },
        another: { ranks: 2, isTiled: false },
      }),
    },
    {
      label: "attempt_failed, out of memory, with a plan that was tried",
      change: ({ epoch }) => ({
        ...{ kind: "attempt_failed", epoch, error: NO, isRetryable: false },
        another: { ranks: 2, isTiled: false },
      }),
      given: { tooSmall: [2] },
    },
    {
      label: "attempt_failed, stale",
      change: ({ epoch }) => ({ kind: "attempt_failed", epoch: epoch - 1, error: NO, isRetryable: true }),
    },
  ],
  worker_lost: [
    { label: "worker_lost", change: ({ epoch }) => ({ kind: "worker_lost", epoch, message: "gone" }) },
    {
      label: "worker_lost, the last that may get nowhere",
      change: ({ epoch }) => ({ kind: "worker_lost", epoch, message: "gone" }),
      given: onLast,
    },
    {
      label: "worker_lost, as often, always the same, and there is another",
      change: ({ epoch }) => ({
        ...{ kind: "worker_lost", epoch, message: "gone", lostIds: ["w"], isElsewherePossible: true },
      }),
      given: { ...onLast, setbacks: [{ lostIds: ["w"], reason: "gone" }] },
    },
    {
      label: "worker_lost, stale",
      change: ({ epoch }) => ({ kind: "worker_lost", epoch: epoch - 1, message: "gone" }),
    },
  ],
  yielded: [
    { label: "yielded", change: ({ epoch }) => ({ kind: "yielded", epoch, message: "others wait" }) },
    {
      label: "yielded, its running time used up",
      change: ({ epoch }) => ({ kind: "yielded", epoch, message: "others wait", ranMs: 9_000 }),
    },
    {
      label: "yielded, stale",
      change: ({ epoch }) => ({ kind: "yielded", epoch: epoch - 1, message: "others wait" }),
    },
  ],
  orphaned: [
    { label: "orphaned", change: ({ epoch }) => ({ kind: "orphaned", epoch, message: "alone" }) },
    {
      label: "orphaned, stale",
      change: ({ epoch }) => ({ kind: "orphaned", epoch: epoch - 1, message: "alone" }),
    },
  ],
  checkpoint_lost: [
    { label: "checkpoint_lost", change: () => ({ kind: "checkpoint_lost", of: CHECKPOINT }) },
    {
      label: "checkpoint_lost, another than the job's",
      change: () => ({ kind: "checkpoint_lost", of: { ...CHECKPOINT, epoch: 0 } }),
    },
  ],
  cancel_asked: [{ label: "cancel_asked", change: () => ({ kind: "cancel_asked" }) }],
  deadline_passed: [
    { label: "deadline_passed", change: () => ({ kind: "deadline_passed" }), at: DEADLINE },
    {
      label: "deadline_passed, too early",
      change: () => ({ kind: "deadline_passed" }),
      at: DEADLINE - 1,
    },
  ],
  run_limit_reached: [
    {
      label: "run_limit_reached",
      change: ({ epoch }) => ({ kind: "run_limit_reached", epoch, ranMs: 9_000 }),
    },
    {
      label: "run_limit_reached, too early",
      change: ({ epoch }) => ({ kind: "run_limit_reached", epoch, ranMs: 8_999 }),
    },
    {
      label: "run_limit_reached, stale",
      change: ({ epoch }) => ({ kind: "run_limit_reached", epoch: epoch - 1, ranMs: 9_000 }),
    },
  ],
} satisfies Record<JobChange["kind"], readonly Row[]>;

const begun: Job = {
  ...sampleJob("j", { deadline: DEADLINE, maxRunSeconds: 10 }).job,
  epoch: 1,
  attempts: 1,
  furthestStep: 1,
  progress: { stage: undefined, step: 1 },
  checkpoint: CHECKPOINT,
  workerIds: ["w"],
  ranMs: { earlier: 1_000, current: 0 },
};
const STATES: readonly (readonly [string, Job["state"]])[] = [
  ["queued", { kind: "queued" }],
  ["running", { kind: "running", isCancelAsked: false }],
  ["running*", { kind: "running", isCancelAsked: true }],
  ["completed", { kind: "completed", artifacts: [emptyVideo] }],
  ["failed", { kind: "failed", error: NO }],
  ["cancelled", { kind: "cancelled" }],
];

function nameOf({ state }: Job): string {
  return state.kind === "running" && state.isCancelAsked ? "running*" : state.kind;
}

function table(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = [
    line(["change", ...STATES.map(([name]) => name)]),
    line(["---", ...STATES.map(() => "---")]),
  ];
  const rows: readonly Row[] = Object.values(ROWS).flat();
  for (const { label, change, given, at = 0 } of rows) {
    const cells = STATES.map(([, state]) => {
      const before: Job = { ...begun, ...given, state };
      const { job } = next(before, change(before), at, POLICY);
      return job === before ? "·" : nameOf(job);
    });
    lines.push(line([label, ...cells]));
  }
  return lines.join("\n");
}

it("does in every state what docs/spec.md says", () => {
  const [, documented = ""] = readFileSync(SPEC, "utf8").split("<!-- transitions -->");
  assert.equal(documented.trim(), table());
});
