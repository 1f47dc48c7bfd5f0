// Writes the tables of values into deploy/k8s/README.md, from the `# --` comments of values.yaml; with --check, only says
// whether they are in step. A value without a comment is an error.
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { isMap, parseDocument } from "yaml";

const README = "deploy/k8s/README.md";
const CHARTS = [
  ["values", "deploy/k8s/values.yaml"],
  ["values of nats", "deploy/k8s/charts/nats/values.yaml"],
];

const problems = [];
const before = readFileSync(README, "utf8");
const after = CHARTS.reduce((text, [name, file]) => {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const [head, rest] = text.split(start);
  const tail = rest?.split(end)[1];
  if (tail === undefined) throw new Error(`${README} has no ${start.trim()} ... ${end}`);
  return `${head}${start}${table(file)}${end}${tail}`;
}, before);
if (process.argv.includes("--check") && after !== before)
  problems.push(`${README} is not in step with values.yaml: run node scripts/generate-values-table.mjs`);
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exit(1);
if (after !== before) writeFileSync(README, after);

function table(file) {
  const { contents } = parseDocument(readFileSync(file, "utf8"));
  const rows = rowsOf(contents, "", file).map(
    ([name, value, text]) => `| \`${name}\` | \`${value.replaceAll("|", "\\|")}\` | ${text} |`,
  );
  return ["| value | default | what it is |", "|---|---|---|", ...rows, ""].join("\n");
}

/** [path, default as JSON, comment] of every value that has a comment; a map without one stands for its values. */
function rowsOf(map, path, file) {
  return map.items.flatMap(({ key, value }, index) => {
    const name = path === "" ? key.value : `${path}.${key.value}`;
    // The parser gives the comment above a map's first key to the map.
    const comment = (key.commentBefore ?? (index === 0 ? map.commentBefore : undefined))?.trim() ?? "";
    if (comment.startsWith("-- "))
      return [[name, JSON.stringify(value), comment.slice(3).replace(/\n\s*/g, " ")]];
    if (isMap(value) && value.items.length > 0) return rowsOf(value, name, file);
    problems.push(`${file}: ${name} has no "# --" comment`);
    return [];
  });
}
