import { SingleBar } from "cli-progress";
import { duration } from "./job-progress.js";
import { type ProgressView, stageLine } from "./line-progress.js";

/** A bar for the steps on a terminal, and a line for everything else. */
export function barProgress(stream: NodeJS.WritableStream): ProgressView {
  let bar: SingleBar | undefined;
  const closeBar = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show(update) {
      if (update.kind !== "step") {
        closeBar();
        const line = stageLine(update);
        if (line !== undefined) stream.write(`${line}\n`);
        return;
      }
      const payload = { pace: duration(update.secondsPerStep), left: duration(update.secondsLeft) };
      if (bar === undefined) {
        bar = new SingleBar({
          stream,
          format: "step {value}/{total} {bar} {pace} a step, {left} left",
          barCompleteChar: "█",
          barIncompleteChar: "░",
          barsize: 30,
          hideCursor: true,
          gracefulExit: false, // signals are ours to handle
        });
        bar.start(update.steps, update.step, payload);
      } else bar.update(update.step, payload);
    },
    close: closeBar,
  };
}
