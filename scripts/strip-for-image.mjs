// Takes away what only building and testing need; the Dockerfiles run it in a copy of the repository that no one goes on with.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const ROOTS = ["proto", "packages", "services", "cli"];
const UNUSED = [/\.test\.js$/, /\.d\.ts$/, /\.map$/, /\.tsbuildinfo$/, /^tsconfig\.json$/, /^Dockerfile$/];
const UNUSED_FOLDERS = new Set(["src", "testing"]);

for (const root of ROOTS) strip(root);

// ONNX Runtime's package brings the libraries of every platform.
const binaries = "node_modules/onnxruntime-node/bin/napi-v6";
if (existsSync(binaries)) {
  keepOnly(binaries, process.platform);
  keepOnly(join(binaries, process.platform), process.arch);
}

function strip(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules") {
      if (UNUSED_FOLDERS.has(entry.name)) rmSync(path, { recursive: true });
      else strip(path);
    } else if (UNUSED.some((pattern) => pattern.test(entry.name))) rmSync(path);
  }
}

function keepOnly(folder, name) {
  for (const entry of readdirSync(folder))
    if (entry !== name) rmSync(join(folder, entry), { recursive: true });
}
