import type { JobEvent, RankPart, Stage } from "../client/generation.js";

/** What an event means to somebody who follows the job. */
export type ProgressUpdate =
  | { readonly kind: "queued"; readonly reason: string; readonly waitReason: string }
  /** An attempt begins: who computes what, by rank. */
  | { readonly kind: "assigned"; readonly parts: readonly RankPart[] }
  | {
      readonly kind: "stage";
      readonly stage: Stage;
      readonly workerIds: readonly string[];
      /** By rank; empty when not known. */
      readonly parts: readonly RankPart[];
    }
  | {
      readonly kind: "step";
      readonly step: number;
      readonly steps: number;
      /** Seconds a step takes, averaged over the last ones. */
      readonly secondsPerStep: number;
      /** Seconds of denoising still to come. */
      readonly secondsLeft: number;
      /** By rank; empty when not known. */
      readonly parts: readonly RankPart[];
    }
  | { readonly kind: "warning" | "notice"; readonly text: string }
  | { readonly kind: "ended" };

const AVERAGED_STEPS = 8;

/** Reads a job's events in order and says what each one means. */
export class JobProgress {
  #stage: Stage | undefined;
  #step = 0;
  #lastStepAtMs: number | undefined;
  #recent: number[] = [];
  #parts: readonly RankPart[] = [];

  /** `nowMs` is when the event came, on a monotonic clock: it stands in where the worker gave no duration. */
  next(event: JobEvent, nowMs: number): ProgressUpdate[] {
    if (event.state === "queued") {
      this.#restart();
      return [{ kind: "queued", reason: event.message, waitReason: event.waitReason }];
    }
    if (event.state !== "running") return [{ kind: "ended" }];

    const updates: ProgressUpdate[] = [];
    if (event.parts.length > 0) {
      this.#parts = event.parts;
      this.#step = event.step; // of the checkpoint that it goes on from
      updates.push({ kind: "assigned", parts: event.parts });
    }
    const { stage, step, steps } = event;
    const isNewStage = stage !== undefined && stage !== this.#stage;
    const isNewStep = stage === "denoise" && step > this.#step;
    if (isNewStage) {
      this.#stage = stage;
      this.#lastStepAtMs = nowMs;
      updates.push({ kind: "stage", stage, workerIds: event.workerIds, parts: this.#parts });
    }
    if (isNewStep) {
      const secondsPerStep = this.#pace(event, nowMs);
      updates.push({
        kind: "step",
        step,
        steps,
        secondsPerStep,
        secondsLeft: (steps - step) * secondsPerStep,
        parts: this.#parts,
      });
    }
    if (event.message !== "" && !isNewStep) updates.push({ kind: "warning", text: event.message });
    return updates;
  }

  #pace(event: JobEvent, nowMs: number): number {
    // After a watch was taken up again many steps may come at once: the worker's figure is the better one.
    const sinceLast = this.#lastStepAtMs === undefined ? 0 : (nowMs - this.#lastStepAtMs) / 1000;
    const seconds = event.seconds > 0 ? event.seconds : sinceLast / Math.max(1, event.step - this.#step);
    this.#step = event.step;
    this.#lastStepAtMs = nowMs;
    this.#recent = [...this.#recent, seconds].slice(-AVERAGED_STEPS);
    return this.#recent.reduce((sum, value) => sum + value, 0) / this.#recent.length;
  }

  // A job that went back to the queue starts over, or from a checkpoint: both are told by its next events.
  #restart(): void {
    this.#stage = undefined;
    this.#step = 0;
    this.#lastStepAtMs = undefined;
    this.#recent = [];
    this.#parts = [];
  }
}

const MOST_PARTS = 4;

/** "w1 (rows 0-56), w2 (rows 57-113)"; "" for a rank that computes all, and no more than the number for many. */
export function partsText(parts: readonly RankPart[]): string {
  if (parts.length <= 1) return "";
  if (parts.length > MOST_PARTS) return `${parts.length} workers`;
  return parts
    .map(({ workerId, half, halves, rows }) => {
      const facts = [
        ...(rows === undefined ? [] : [rowsText(rows)]),
        ...(halves > 1 ? [`half ${half}`] : []),
      ];
      return facts.length === 0 ? workerId : `${workerId} (${facts.join(", ")})`;
    })
    .join(", ");
}

/** "w1 (chunks 0-1), w2 (chunks 2-3)": who decodes what. "" where one rank computes all, or it is not known. */
export function decodeText(parts: readonly RankPart[]): string {
  const decoding = parts.filter(({ chunks, tiles }) => (chunks?.count ?? 0) > 0 || tiles.length > 0);
  const [first] = decoding;
  if (parts.length <= 1 || first === undefined) return "";
  if (decoding.length === 1) return first.workerId;
  if (decoding.length > MOST_PARTS) return `${decoding.length} workers`;
  return decoding
    .map(({ workerId, chunks, tiles }) => `${workerId} (${chunks ? chunksText(chunks) : tilesText(tiles)})`)
    .join(", ");
}

/** "chunks 2-3", "chunk 4". */
export function chunksText({ start, count }: NonNullable<RankPart["chunks"]>): string {
  return numbersText(
    "chunk",
    Array.from({ length: count }, (_, i) => start + i),
  );
}

/** "tiles 0-2, 5", "tile 4". */
export function tilesText(tiles: RankPart["tiles"]): string {
  return numbersText("tile", tiles);
}

/** Ascending numbers, as runs. */
function numbersText(what: string, numbers: readonly number[]): string {
  if (numbers.length === 0) return `no ${what}s`;
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run?.last === number - 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  const shown = runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  return `${what}${numbers.length === 1 ? "" : "s"} ${shown.join(", ")}`;
}

function rowsText({ start, count }: NonNullable<RankPart["rows"]>): string {
  return count === 0 ? "no rows" : `rows ${start}-${start + count - 1}`;
}

/** "0.42 s", "3.1 s", "48 s", "2 min 05 s", "1 h 12 min": as short as it stays useful. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}
