// Runs the built tests with node:test: Node 20 takes no globs, so the files are found here.
//   node scripts/run-tests.mjs [--servers | --deploy | --all] [part of a file name ...]
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
// *.server.test.ts need a server of someone else's (NATS, Prometheus, grpcurl, ...), or take long; *.deploy.test.ts
// need Kubernetes' tools.
const kindOf = (name) => /\.(server|deploy)\.test\.js$/.exec(name)?.[1] ?? "quick";
const kind = process.argv.includes("--servers")
  ? "server"
  : process.argv.includes("--deploy")
    ? "deploy"
    : "quick";
const wanted = (name) => process.argv.includes("--all") || kindOf(name) === kind;

const files = ["packages", "services", "proto", "cli", "bench", "test"]
  .flatMap((root) => readdirSync(root, { recursive: true }).map((name) => join(root, String(name))))
  .filter((name) => /\/dist\/.*\.test\.js$/.test(name) && !name.includes("node_modules") && wanted(name))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort();
if (files.length === 0) {
  process.stderr.write("no test files: did the build run?\n");
  process.exit(1);
}
// Deployments wait for controllers with periods of their own; real processes may share their machine with others.
const FILE_TIMEOUT_MS = 600_000;
run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS })
  .on("test:fail", () => {
    process.exitCode = 1;
  })
  .compose(spec)
  .pipe(process.stdout);
