import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const text = readFileSync(join(root, "docs/reliability.md"), "utf8");
const FAULTS = 29;

/** Built test files, as `scripts/run-tests.mjs` finds them. */
const files = ["services", "packages", "cli", "test"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => /\/dist\/.*\.test\.js$/.test(name) && !name.includes("node_modules")),
);

describe("docs/reliability.md", () => {
  const [, faults = "", , record = ""] = text.split(/^## /m).slice(0, 5);
  const rows = [...faults.matchAll(/^\| (\d+) \| (.*) \| (.*) \| (.*) \|$/gm)];

  it("has a row with a figure for every fault", () => {
    const numbers = rows.map(([, number]) => Number(number));
    assert.deepEqual(
      numbers,
      Array.from({ length: FAULTS }, (_, i) => i + 1),
    );
    for (const [, number, , , figure] of rows) assert.match(figure ?? "", /\w{3}/, `row ${number}`);
  });

  it("names tests that are there, each as it runs: with real servers or without", () => {
    for (const [, number, , tests = ""] of rows) {
      const named = tests.matchAll(/(\*quick\* )?([\w-]+\/[\w/-]+|out-of-memory|cancel\.test)/g);
      let isQuick = false;
      let count = tests.includes("simulator") ? 1 : 0;
      for (const [, quick, part = ""] of named) {
        isQuick ||= quick !== undefined;
        const found = files.filter((file) => file.includes(part) && file.includes(".server.") !== isQuick);
        assert.notEqual(found.length, 0, `row ${number} names ${part}`);
        count += 1;
      }
      assert.notEqual(count, 0, `row ${number} names no test`);
    }
  });

  it("names tests for the bugs that the simulator found", () => {
    const sources = files.map((file) => readFileSync(join(root, file), "utf8"));
    const titles = [...record.matchAll(/tests?: ([^|]*)/g)].flatMap(([, list = ""]) => [
      ...list.matchAll(/"([^"]+)"/g),
    ]);
    assert.notEqual(titles.length, 0);
    for (const [, title = ""] of titles)
      assert.ok(
        sources.some((source) => source.includes(title)),
        `there is no test "${title}"`,
      );
  });
});
