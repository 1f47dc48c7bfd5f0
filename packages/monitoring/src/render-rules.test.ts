import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderedRules } from "./render-rules.js";
import { RULE_GROUPS } from "./rule-groups.js";
import { isAlert } from "./rules.js";

const root = new URL("../../../", import.meta.url);

describe("the rules", () => {
  for (const [path, text] of renderedRules())
    it(`are what ${path} says; if not: node scripts/render-rules.mjs`, () => {
      assert.equal(readFileSync(new URL(path, root), "utf8"), text);
    });

  it("are the same for Prometheus and in its operator's manifest, but for the indentation", () => {
    const [plain = "", manifest = ""] = renderedRules().map(([, text]) => text);
    const groups = (text: string): string => text.slice(text.indexOf("groups:"));
    assert.equal(groups(manifest).replace(/^ {2}/gm, ""), groups(plain));
  });

  it("have a page in docs/runbooks for each alert, and no other", () => {
    const alerts = new Set(
      RULE_GROUPS.flatMap(({ rules }) => rules.filter(isAlert)).map(({ alert }) => alert),
    );
    const pages = readdirSync(new URL("docs/runbooks", root)).filter((name) => name !== "README.md");
    assert.deepEqual(pages.sort(), [...alerts].map((alert) => `${alert}.md`).sort());
  });

  it("have pages that say what it means, how to see it, why, what to do and when it is over", () => {
    const sections = ["Means", "See it", "Likely causes", "Do", "Over when"];
    for (const name of readdirSync(new URL("docs/runbooks", root)).filter((page) => page !== "README.md")) {
      const text = readFileSync(new URL(`docs/runbooks/${name}`, root), "utf8");
      const found = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
      assert.deepEqual(found, sections, name);
      assert.ok(text.startsWith(`# ${name.replace(".md", "")}\n`), name);
    }
  });
});
