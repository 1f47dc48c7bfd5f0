import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { findCases } from "./find-cases.js";

describe("findCases", () => {
  let root = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cogfleet-cases-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function addCase(...path: string[]): Promise<void> {
    await mkdir(join(root, ...path), { recursive: true });
    await writeFile(join(root, ...path, "case.json"), "{}");
  }

  it("finds cases at any depth, in cases and behind links too, each once", async () => {
    await addCase("b");
    await addCase("a", "deep", "er");
    await addCase("b", "inner");
    await mkdir(join(root, "empty"));
    await symlink(root, join(root, "empty", "up"));
    await symlink(join(root, "b"), join(root, "c"));
    const found = await findCases(root, neverAborts);
    assert.deepEqual(
      found.map(({ name }) => name),
      ["a/deep/er", "b", "b/inner"],
    );
  });

  it("gives a folder that is a case itself its own name", async () => {
    await addCase("only");
    const found = await findCases(join(root, "only"), neverAborts);
    assert.deepEqual(
      found.map(({ name }) => name),
      ["only"],
    );
  });

  it("refuses a folder without cases, and what is no folder", async () => {
    await assert.rejects(findCases(root, neverAborts), {
      code: "invalid_request",
      message: /no golden cases/,
    });
    await assert.rejects(findCases(join(root, "none"), neverAborts), {
      code: "invalid_request",
      message: /not a folder/,
    });
  });
});
