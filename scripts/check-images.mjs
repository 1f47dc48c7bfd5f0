// Carries out the Dockerfiles without a container engine, and tries what comes out: each stage is a folder, RUN is a chroot,
// and every base image is Debian 12 (debootstrap) with Node, and with Python where the image's name says so.
//   sudo node scripts/check-images.mjs [coordinator] [worker:cpu] [worker:cuda]      default: the first two
// Linux, root, debootstrap. What it cannot show: the layers' sizes, and NVIDIA's base image, whose libraries are not there.
import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

const NODE = "20.20.0";
const NPM = "10.8.2";
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ["coordinator", "worker:cpu"];
if (process.getuid?.() !== 0) fail("needs root, for chroot");
const work = mkdtempSync(join(tmpdir(), "cogfleet-images-"));
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"; // the host's, in every root
const PLAIN = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`,
  `PIP_CERT=${CERTIFICATES}`,
];
const bases = new Map();
const images = new Map();
const running = [];

try {
  for (const name of wanted) images.set(name, build(...name.split(":")));
  for (const [name, image] of images) report(name, image);
  await tryOut();
} finally {
  for (const child of running) child.kill("SIGKILL");
  rmSync(work, { recursive: true, force: true });
}

/** Carries out services/SERVICE/Dockerfile up to a target; the image of its last stage by default. */
function build(service, target) {
  const stages = new Map();
  const args = {};
  let stage;
  let last;
  for (const [instruction, text] of instructions(readFileSync(`services/${service}/Dockerfile`, "utf8"))) {
    const value = text.replace(/\$\{(\w+)\}/g, (_, name) => args[name] ?? fail(`no ARG ${name}`));
    if (instruction === "ARG") args[value.split("=")[0]] = value.slice(value.indexOf("=") + 1);
    else if (instruction === "FROM") {
      if (last !== undefined && last.name === target) break;
      const [image, , name] = value.split(/\s+/);
      stage = {
        name,
        root: join(work, `${service}-${stages.size}`),
        env: {},
        folder: "/",
        user: "0:0",
        base: image,
      };
      execFileSync("cp", ["-a", "--reflink=auto", baseRoot(image), stage.root]);
      stages.set(name, stage);
      last = stage;
    } else perform(stage, instruction, value, stages);
  }
  return last;
}

function perform(stage, instruction, value, stages) {
  switch (instruction) {
    case "ENV":
      for (const [, key, text] of value.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = text;
      break;
    case "WORKDIR":
      stage.folder = value;
      mkdirSync(join(stage.root, value), { recursive: true });
      break;
    case "USER":
      stage.user = value;
      break;
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(value);
      break;
    case "EXPOSE":
      break;
    case "COPY": {
      const [from, source, target] = /^(?:--from=(\S+)\s+)?(\S+)\s+(\S+)$/.exec(value).slice(1);
      if (from === undefined) copyContext(join(stage.root, stage.folder));
      else {
        const to = target.startsWith("/") ? target : join(stage.folder, target);
        // Like Docker, what a folder holds is copied, not the folder.
        cpSync(join(stages.get(from).root, source), join(stage.root, to), {
          recursive: true,
          verbatimSymlinks: true,
        });
      }
      break;
    }
    case "RUN":
      process.stderr.write(`RUN ${value}\n`);
      runIn(stage, ["sh", "-ec", value]);
      break;
    default:
      fail(`${instruction} is not known to this script`);
  }
}

/** The arguments of `unshare` for a command in a stage, which sees processes as in a container. */
function inRoot({ root, folder, user, env }, command) {
  const variables = Object.entries(env).map(([key, text]) => `${key}=${text}`);
  const enter =
    'mount --bind /proc "$1/proc" && user=$2 root=$1 && shift 2 && exec chroot --userspec="$user" "$root" "$@"';
  const there = ["env", "-i", ...PLAIN, ...variables, "sh", "-c", `cd ${folder} && exec "$@"`, "sh"];
  return ["--mount", "sh", "-c", enter, "sh", root, user, ...there, ...command];
}

function runIn(stage, command) {
  execFileSync("unshare", inRoot(stage, command), { stdio: ["ignore", "ignore", "inherit"] });
}

/** [instruction, the rest], comments left out and continued lines joined. */
function instructions(text) {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => /^(\w+)\s+(.*)$/.exec(line).slice(1));
}

/** What a clone holds, less what .dockerignore leaves out. */
function copyContext(target) {
  const rules = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"));
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    encoding: "utf8",
  });
  for (const file of files.split("\0").filter((name) => name && existsSync(name))) {
    let isLeftOut = false;
    for (const rule of rules)
      if (ruleMatches(rule.replace(/^!/, ""), file)) isLeftOut = !rule.startsWith("!");
    if (isLeftOut) continue;
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(file, join(target, file));
  }
}

/** A rule of .dockerignore leaves out what it names and all below it. */
function ruleMatches(rule, file) {
  const parts = file.split("/");
  const pattern = new RegExp(
    `^${rule
      .replaceAll(".", "\\.")
      .replaceAll("**/", "(.*/)?")
      .replaceAll(/(?<!\.)\*/g, "[^/]*")}$`,
  );
  return parts.some((_, index) => pattern.test(parts.slice(0, index + 1).join("/")));
}

/** A root that stands for an image: Debian with Node where the image has it, or Python, or neither. */
function baseRoot(image) {
  const kind = /^(node|python)/.exec(image)?.[1] ?? "bare";
  const known = bases.get(kind);
  if (known !== undefined) return known;
  const debian = ".tools/debian-root";
  if (!existsSync(join(debian, "etc/os-release")))
    execFileSync(
      "debootstrap",
      ["--variant=minbase", "--include=ca-certificates,libstdc++6", "bookworm", debian],
      { stdio: "inherit" },
    );
  const root = join(work, `base-${kind}`);
  execFileSync("cp", ["-a", "--reflink=auto", debian, root]);
  cpSync(CERTIFICATES, join(root, CERTIFICATES));
  const stage = { root, folder: "/", user: "0:0", env: {} };
  if (kind === "python")
    runIn(stage, [
      "sh",
      "-ec",
      "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-pip",
    ]);
  if (kind === "node") {
    const modules = join(work, "node");
    execFileSync(
      "npm",
      [
        "install",
        "--prefix",
        modules,
        "--no-audit",
        "--no-fund",
        `node-linux-${process.arch}@${NODE}`,
        `npm@${NPM}`,
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    cpSync(
      join(modules, `node_modules/node-linux-${process.arch}/bin/node`),
      join(root, "usr/local/bin/node"),
    );
    cpSync(join(modules, "node_modules/npm"), join(root, "usr/local/lib/npm"), { recursive: true });
    for (const tool of ["npm", "npx"]) {
      writeFileSync(
        join(root, "usr/local/bin", tool),
        `#!/bin/sh\nexec node /usr/local/lib/npm/bin/${tool}-cli.js "$@"\n`,
        { mode: 0o755 },
      );
    }
  }
  bases.set(kind, root);
  return root;
}

/** What an image adds to its base, and who runs it. */
function report(name, { root, base, user, entrypoint }) {
  const megabytes = (folder) =>
    Number(execFileSync("du", ["-sm", "--apparent-size", folder], { encoding: "utf8" }).split("\t")[0]);
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user))
    fail(`${name} runs as ${user}: a number that is not root's is wanted`);
  const hasRuntime = existsSync(join(root, "app/node_modules/onnxruntime-node"));
  if (hasRuntime !== name.startsWith("worker")) fail(`${name} ${hasRuntime ? "has" : "lacks"} ONNX Runtime`);
  for (const tool of ["typescript", "@biomejs"])
    if (existsSync(join(root, "app/node_modules", tool))) fail(`${name} holds ${tool}`);
  if (statSync(join(root, "app/cli/bin/cogfleet.mjs")).mode % 2 === 0)
    fail(`${name}: cogfleet cannot be executed`);
  console.log(
    `${name}: ${megabytes(join(root, "app"))} MB on top of ${base}, user ${user}, ${entrypoint.join(" ")}`,
  );
}

/** A coordinator and a worker from their images; the client of the coordinator's image makes a video. */
async function tryOut() {
  const coordinator = images.get("coordinator");
  if (coordinator === undefined) return;
  const local = ["--listen=127.0.0.1", "--http-port=0"];
  const [, address] = await start(coordinator, [...local, "--port=0"], /gRPC on (\S+),/);
  for (const [name, image] of images) {
    if (!name.startsWith("worker")) continue;
    const flags = [...local, "--exchange-port=0", `--coordinator=${address}`, "--model=/app/models/demo"];
    const [line] = await start(image, flags, /worker: .*/);
    console.log(`${name}: ${line}`);
  }
  const generate = [
    "cogfleet",
    "generate",
    `--endpoint=${address}`,
    "--prompt=a red circle",
    "--steps=2",
    "--output=/tmp/video.mp4",
  ];
  for (let attempt = 0; ; attempt++)
    try {
      runIn(coordinator, generate);
      break;
    } catch (reason) {
      if (attempt === 20) throw reason; // a worker is up before the coordinator has taken in what it offers
    }
  console.log(`a video of ${statSync(join(coordinator.root, "tmp/video.mp4")).size} bytes`);
}

/** Starts an image's entrypoint; what its line says that matches. */
async function start(image, flags, pattern) {
  const child = spawn("unshare", inRoot(image, [...image.entrypoint, ...flags]), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const match = pattern.exec(line);
    if (match !== null) return match;
  }
  return fail(`${image.entrypoint.join(" ")} ended`);
}

function fail(problem) {
  throw new Error(problem);
}
