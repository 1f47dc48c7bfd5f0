// Writes the TypeScript types of the protos. With --check, fails when the committed ones differ.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const committed = "proto/src/gen";
const check = process.argv.includes("--check");
const fresh = mkdtempSync(join(tmpdir(), "cogfleet-gen-"));

execFileSync(
  "proto-loader-gen-types",
  [
    "--longs=String",
    "--enums=String",
    "--defaults",
    "--arrays",
    "--objects",
    "--oneofs",
    "--includeComments",
    "--grpcLib=@grpc/grpc-js",
    "--includeDirs=proto",
    `--outDir=${fresh}`,
    "cogfleet/v1/generation.proto",
    "cogfleet/v1/fleet.proto",
    "cogfleet/v1/exchange.proto",
  ],
  {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, PATH: `node_modules/.bin:${process.env.PATH}` },
  },
);
// nodenext asks for the extension that the generator leaves out.
for (const file of list(fresh)) {
  const path = join(fresh, file);
  const text = readFileSync(path, "utf8").replace(/(from '\.[^']*?)(\.js)?'/g, "$1.js'");
  writeFileSync(path, text);
}

if (check) {
  const differ = [...new Set([...list(fresh), ...list(committed)])].filter(
    (file) => read(join(fresh, file)) !== read(join(committed, file)),
  );
  rmSync(fresh, { recursive: true });
  if (differ.length > 0) {
    process.stderr.write(
      `generated types differ from the protos: ${differ.join(", ")}\nrun: npm run generate\n`,
    );
    process.exit(1);
  }
} else {
  rmSync(committed, { recursive: true, force: true });
  cpSync(fresh, committed, { recursive: true });
  rmSync(fresh, { recursive: true });
}

function list(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .sort();
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
