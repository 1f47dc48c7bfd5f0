import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { MeasuredStage } from "./measured-stage.js";

const STAGE = fileURLToPath(new URL("./measured-stage.js", import.meta.url));
const WEIGHT_BYTES = 64e6; // more than any one weight has

describe("the estimated memory", { skip: process.platform !== "linux" }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cogfleet-memory-"));
    const weights = await open(join(folder, "zeros"), "w");
    await weights.truncate(WEIGHT_BYTES);
    await weights.close();
  });
  after(() => rm(folder, { recursive: true }));

  for (const stage of ["denoise", "decode"])
    it(`is what a process takes to ${stage}, or little more`, async () => {
      const child = fork(STAGE, [stage, join(folder, "zeros")]);
      const exited = once(child, "exit");
      const [{ grownBytes, activationBytes }] = (await once(child, "message")) as [MeasuredStage];
      await exited;
      const share = grownBytes / activationBytes;
      assert.ok(share > 0.6 && share < 1.1, `${grownBytes} bytes, ${share.toFixed(2)} of the estimate`);
    });
});
