// npm leaves the packages of other platforms out of the lockfile when the registry at hand does not hold them, and
// `npm ci` refuses such a lockfile. Writes the missing entries, without a checksum; with --check, only says so.
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const FILE = "package-lock.json";
const OS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const CPU = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lockfile = JSON.parse(readFileSync(FILE, "utf8"));
const { packages } = lockfile;
const added = [];
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`;
    if (packages[at] !== undefined || packages[`${path}/${at}`] !== undefined) continue;
    packages[at] = platformPackage(name, version, entry);
    added.push(name);
  }
}

if (added.length > 0 && process.argv.includes("--check")) {
  process.stderr.write(`${FILE} lacks ${added.join(", ")}\nrun: node scripts/complete-lockfile.mjs\n`);
  process.exit(1);
}
if (added.length > 0) {
  lockfile.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(FILE, `${JSON.stringify(lockfile, null, 2)}\n`);
}

/** The entry of a package such as @biomejs/cli-linux-x64-musl, by its name and by those of its siblings that are there. */
function platformPackage(name, version, parent) {
  const words = name.split(/[/-]/);
  const sibling = Object.keys(parent.optionalDependencies)
    .map((other) => packages[`node_modules/${other}`])
    .find((other) => other !== undefined);
  const cpu = words.map((word) => (word === "armv7" ? "arm" : word)).find((word) => CPU.includes(word));
  const os = words.find((word) => OS.includes(word));
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word.startsWith("gnu"))
      ? ["glibc"]
      : undefined;
  return {
    version: version.replace(/^[\^~]/, ""),
    ...(cpu && { cpu: [cpu] }),
    ...(parent.dev && { dev: true }),
    ...(libc && { libc }),
    ...(sibling?.license && { license: sibling.license }),
    optional: true,
    ...(os && { os: [os] }),
    ...(sibling?.engines && { engines: sibling.engines }),
  };
}
