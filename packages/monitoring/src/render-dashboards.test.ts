import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { DASHBOARDS, renderedDashboards } from "./render-dashboards.js";

const root = new URL("../../../", import.meta.url);
const FOLDER = "deploy/k8s/files/dashboards";

interface Area {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Shown {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly hide?: number }[] };
  readonly panels: readonly { readonly id: number; readonly title: string; readonly gridPos: Area }[];
}

describe("the dashboards", () => {
  const rendered = renderedDashboards();
  const shown = rendered.map(([, text]) => JSON.parse(text) as Shown);

  for (const [path, text] of rendered)
    it(`are what ${path} says; if not: node scripts/render-dashboards.mjs`, () => {
      assert.ok(readFileSync(new URL(path, root), "utf8") === text, `${path} is stale`);
    });

  it("are all that the chart ships", () => {
    const files = readdirSync(new URL(FOLDER, root)).map((name) => `${FOLDER}/${name}`);
    assert.deepEqual(files.sort(), rendered.map(([path]) => path).sort());
  });

  it("keep their uids and titles, as bookmarks hold them", () => {
    assert.deepEqual(
      shown.map(({ uid, title }) => `${uid} ${title}`),
      [
        "cogfleet-jobs Cogfleet / Jobs and SLO",
        "cogfleet-steps Cogfleet / Steps and parallelism",
        "cogfleet-workers Cogfleet / Workers, groups and failures",
        "cogfleet-queue Cogfleet / Queue and autoscaling",
        "cogfleet-platform Cogfleet / Platform",
      ],
    );
  });

  it("let choose data source, namespace, release and model, and show the model where it changes something", () => {
    for (const { uid, templating } of shown) {
      const names = templating.list.map(({ name }) => name);
      assert.deepEqual(names.slice(0, 4), ["datasource", "namespace", "release", "model"], uid);
      const isModelShown = templating.list.some(({ name, hide }) => name === "model" && hide !== 2);
      assert.equal(isModelShown, uid === "cogfleet-jobs" || uid === "cogfleet-queue", uid);
    }
  });

  it("say of every panel what it shows, in which unit, and what each line is", () => {
    for (const { sections } of DASHBOARDS)
      for (const { title, description, unit, queries } of sections.flatMap(({ panels }) => panels)) {
        assert.match(description, /^\w.{10,}[^.]\.$/, title);
        assert.notEqual(unit, "", title);
        assert.notEqual(queries.length, 0, title);
        const legends = queries.map(({ legend }) => legend);
        assert.equal(new Set(legends).size, legends.length, title);
        assert.ok(!legends.includes(""), title);
      }
  });

  it("send to runbooks that are there", () => {
    const pages = readdirSync(new URL("docs/runbooks", root));
    const named = rendered.flatMap(([, text]) => [...text.matchAll(/\b(\w+\.md)\b/g)]);
    assert.notEqual(named.length, 0);
    for (const [, page = ""] of named) assert.ok(pages.includes(page), page);
  });

  it("name their lines by closed sets, models, and where processes and GPUs run: never by ids", () => {
    const allowed = new Set(
      "outcome stage model reason degree le op direction phase component detected_by cause state service version method code instance Hostname gpu".split(
        " ",
      ),
    );
    for (const { sections } of DASHBOARDS)
      for (const { title, queries } of sections.flatMap(({ panels }) => panels))
        for (const { legend } of queries)
          for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g))
            assert.ok(allowed.has(label), `${title}: ${label}`);
  });

  it("lay panels side by side: none over another or beyond the edge, no row with a hole", () => {
    for (const { uid, panels } of shown) {
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, uid);
      assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length, uid);
      const taken = new Map<string, string>();
      for (const { title, gridPos } of panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, `${uid}: ${title} is beyond the edge`);
        for (const cell of cells(gridPos)) {
          assert.equal(taken.get(cell), undefined, `${uid}: ${title}`);
          taken.set(cell, title);
        }
      }
      const bottom = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
      assert.equal(taken.size, bottom * 24, `${uid} has a hole`);
    }
  });
});

function cells({ x, y, w, h }: Area): string[] {
  const columns = Array.from({ length: w }, (_, column) => x + column);
  return columns.flatMap((column) => Array.from({ length: h }, (_, row) => `${column},${y + row}`));
}
