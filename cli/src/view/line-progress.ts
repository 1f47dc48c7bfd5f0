import type { Clock } from "@cogfleet/core";
import { decodeText, duration, type ProgressUpdate, partsText } from "./job-progress.js";

/** Shows how a job gets on. `close` leaves the terminal as it was found. */
export interface ProgressView {
  show(update: ProgressUpdate): void;
  close(): void;
}

const SHORTEST_PAUSE_MS = 1000; // a log should not fill with steps of milliseconds

/** Plain lines, for logs and pipes: every stage, and steps at most once a second, the last one always. */
export function lineProgress(write: (line: string) => void, clock: Clock): ProgressView {
  let lastStepAt = Number.NEGATIVE_INFINITY;
  return {
    show(update) {
      if (update.kind !== "step") {
        const line = stageLine(update);
        if (line !== undefined) write(line);
        return;
      }
      const { step, steps, secondsPerStep, secondsLeft, parts } = update;
      const now = clock.now();
      if (step < steps && now - lastStepAt < SHORTEST_PAUSE_MS) return;
      lastStepAt = now;
      const who = partsText(parts);
      const on = who === "" ? "" : ` on ${who}`;
      write(`step ${step}/${steps}${on}, ${duration(secondsPerStep)} a step, ${duration(secondsLeft)} left`);
    },
    close() {},
  };
}

const STAGE_LINES = {
  encode: "encode: reading the prompt",
  denoise: "denoise",
  decode: "decode: latents to video",
} as const;

/** The line for an update that is no step; undefined when there is nothing to say. */
export function stageLine(update: Exclude<ProgressUpdate, { kind: "step" }>): string | undefined {
  switch (update.kind) {
    case "assigned": {
      const who = partsText(update.parts);
      return who === "" ? undefined : `on ${who}`;
    }
    case "queued": {
      const waits = update.waitReason === "" ? "" : `, ${update.waitReason}`;
      return `${update.reason === "" ? "queued" : update.reason}${waits}`;
    }
    case "stage": {
      const [reader] = update.workerIds; // rank 0: the others wait
      const by = update.stage === "encode" && reader !== undefined ? ` (${reader})` : "";
      const who = update.stage === "decode" ? decodeText(update.parts) : "";
      return `${STAGE_LINES[update.stage]}${by}${who === "" ? "" : ` on ${who}`}`;
    }
    case "warning":
      return `warning: ${update.text}`;
    case "notice":
      return update.text;
    case "ended":
      return undefined;
  }
}
