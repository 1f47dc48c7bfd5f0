// Writes the alerting and recording rules of packages/monitoring to where Prometheus, its operator and the chart read them.
//   node scripts/render-rules.mjs [URL of the folder with the runbooks]
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { renderedRules } from "../packages/monitoring/dist/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const [path, text] of renderedRules(process.argv[2])) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
