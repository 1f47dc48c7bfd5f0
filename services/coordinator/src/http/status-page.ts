import { readFile } from "node:fs/promises";
import type { HttpPage } from "@cogfleet/service";

const FILES = {
  "/": ["status.html", "text/html; charset=utf-8"],
  "/status.css": ["status.css", "text/css; charset=utf-8"],
  "/status.js": ["status.js", "text/javascript; charset=utf-8"],
} as const;

/** The page for people without Grafana, by path. It asks for /status every two seconds. */
export async function statusPage(): Promise<Readonly<Record<string, HttpPage>>> {
  const pages = Object.entries(FILES).map(async ([path, [file, mediaType]]) => {
    const body = await readFile(new URL(`../../static/${file}`, import.meta.url));
    return [path, { mediaType, body }] as const;
  });
  return Object.fromEntries(await Promise.all(pages));
}
