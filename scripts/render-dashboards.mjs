// Writes the Grafana dashboards of packages/monitoring to where the chart reads them.
//   node scripts/render-dashboards.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderedDashboards } from "../packages/monitoring/dist/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const [path, text] of renderedDashboards()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
