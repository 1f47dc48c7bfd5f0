import assert from "node:assert/strict";
import { it } from "node:test";
import { ClusterError, type Logger, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { Background } from "./background.js";

it("work in the background that fails again and again is told once", async () => {
  const lines: object[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (fields, message) => void lines.push({ message, ...fields }),
  };
  const background = new Background({ clock: new ManualClock(), log });
  const err = new ClusterError("resource_exhausted", "the disk is full");
  for (const jobId of ["a", "b", "a"]) background.run(jobId, () => Promise.reject(err));
  await background.settled();
  assert.deepEqual(lines, [
    { message: "job was not moved on", err, code: "resource_exhausted", failures: 1, jobId: "a" },
  ]);
});
