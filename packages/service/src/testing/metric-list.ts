import { parseMetrics } from "./parse-metrics.js";

/** Our metrics of a scrape, a line each: name, type, labels and help. Node's own are left out. */
export function exposedMetrics(page: string): string[] {
  return [...parseMetrics(page).values()]
    .filter(({ name }) => name.startsWith("cogfleet_"))
    .map(({ name, type, labels, help }) => `${name} | ${type} | ${labels.join(", ")} | ${help}`)
    .sort();
}

/** The same lines, from the table under a heading of docs/metrics.md. */
export function documentedMetrics(doc: string, heading: string): string[] {
  const section = doc.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `cogfleet_"));
  return rows
    .map((row) => {
      const cells = row.slice(1, -1).split("|");
      return cells.map((cell) => cell.trim().replaceAll("`", "")).join(" | ");
    })
    .sort();
}
