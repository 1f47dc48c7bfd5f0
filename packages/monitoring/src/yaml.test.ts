import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toYaml } from "./yaml.js";

describe("YAML", () => {
  it("nests lists and maps, and quotes what would be read as something else", () => {
    const value = { groups: [{ name: "a-b", rules: [{ on: "true", for: "2m" }, { empty: "" }] }] };
    assert.equal(
      toYaml(value),
      [
        "groups:",
        "  - name: a-b",
        "    rules:",
        '      - on: "true"',
        '        for: "2m"',
        '      - empty: ""',
        "",
      ].join("\n"),
    );
  });

  it("writes texts with quotes or several lines as they are", () => {
    assert.equal(toYaml({ expr: 'a{b="c"}\nand d' }), 'expr: |-\n  a{b="c"}\n  and d\n');
  });
});
