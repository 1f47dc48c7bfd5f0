import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { makeDurableFolder } from "./durable-folder.js";

const root = mkdtempSync(join(tmpdir(), "cogfleet-folder-"));
after(() => rmSync(root, { recursive: true }));

describe("a durable folder", { timeout: 10_000 }, () => {
  it("is made with those above it, also by several at once, and again without harm", async () => {
    const folder = join(root, "a", "b", "c");
    await Promise.all([
      makeDurableFolder(folder),
      makeDurableFolder(folder),
      makeDurableFolder(join(root, "a")),
    ]);
    await makeDurableFolder(folder);
    assert.ok(statSync(folder).isDirectory());
  });

  it("is refused where none can be made, for which Node's own recursive mkdir tries for ever", async () => {
    await assert.rejects(makeDurableFolder("/proc/nope/jobs"), /mkdir '\/proc\/nope'/);
  });

  it("is refused below a file, and in place of one", async () => {
    const file = join(root, "file");
    writeFileSync(file, "");
    await assert.rejects(makeDurableFolder(join(file, "a", "b")), { code: "EEXIST" });
    await assert.rejects(makeDurableFolder(file), { code: "EEXIST" });
  });
});
