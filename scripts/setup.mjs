// Installs what is missing and builds: the first step of every command of the README.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 15)) {
  process.stderr.write(`Cogfleet needs Node 20.15 or later, this is ${process.version}\n`);
  process.exit(1);
}

// npm writes a copy of the lockfile into node_modules: if it is older than ours, packages are missing or stale.
const installed = "node_modules/.package-lock.json";
const wanted = versions("package-lock.json");
const present = existsSync(installed) ? versions(installed) : new Map();
if ([...wanted].some(([path, version]) => present.get(path) !== version))
  npm("ci", "--no-audit", "--no-fund");
npm("run", "--silent", "build");

/** Version by path of every package that must be there on every platform. */
function versions(lockfile) {
  const { packages } = JSON.parse(readFileSync(lockfile, "utf8"));
  return new Map(
    Object.entries(packages)
      .filter(
        ([path, entry]) => path.startsWith("node_modules/") && !entry.optional && !entry.link && !entry.peer,
      )
      .map(([path, entry]) => [path, entry.version]),
  );
}

function npm(...args) {
  execFileSync("npm", args, { stdio: ["ignore", "inherit", "inherit"], shell: process.platform === "win32" });
}
