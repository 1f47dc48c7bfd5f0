#!/usr/bin/env node
// Committed as it is: npm links bins at install, and silently ignores a target that is not built yet.
import { existsSync } from "node:fs";
import process from "node:process";

const built = new URL("../dist/main.js", import.meta.url);
if (existsSync(built)) {
  const { main } = await import(built.href);
  await main();
} else {
  process.stderr.write("cogfleet is not built yet: run npm run build\n");
  process.exitCode = 2;
}
