// Writes the TypeScript types of the protos, and their descriptors for reflection. With --check, fails when the
// committed ones differ.
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
    "externalscaler.proto",
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

writeFileSync(join(fresh, "descriptors.ts"), descriptors());

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

/**
 * Compiled descriptors of our protos and of health checking. Those that proto-loader keeps are no use to reflection:
 * grpcurl and buf refuse their names of map entries and their missing imports (grpcurl #519, grpc-node #2958).
 */
function descriptors() {
  const files = ["proto", "node_modules/grpc-health-check/proto"].flatMap((folder) => {
    const args = ["build", folder, "--exclude-source-info", "-o", "-#format=binpb"];
    return filesOf(execFileSync("node_modules/.bin/buf", args));
  });
  return [
    "/** A FileDescriptorProto in base64 for each file that a server of ours may be asked for. */",
    "export const fileDescriptors: readonly string[] = [",
    ...files.map((bytes) => `  "${bytes.toString("base64")}",`),
    "];\n",
  ].join("\n");
}

/** The files of a FileDescriptorSet: `repeated FileDescriptorProto file = 1`, each a tag, a length and its bytes. */
function filesOf(set) {
  const files = [];
  for (let at = 0; at < set.length; ) {
    if (set[at] !== 0x0a) throw new Error(`byte ${at} of the descriptors is not the tag of a file`);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      at += 1;
      length |= (set[at] & 0x7f) << shift;
      if (set[at] < 0x80) break;
    }
    files.push(set.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return files;
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
