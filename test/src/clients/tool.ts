import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A path in the repository. */
export function inRepository(...parts: readonly string[]): string {
  return join(root, ...parts);
}

/** Where a tool stands: COGFLEET_TOOLS_DIR, what scripts/install-*-tools.sh made, PATH. Throws when nowhere. */
export function findTool(name: string): string {
  const { COGFLEET_TOOLS_DIR: given, PATH: path } = process.env;
  const folders = [
    given,
    inRepository(".tools/bin"),
    inRepository("node_modules/.bin"),
    ...(path ?? "").split(delimiter),
  ];
  const found = folders
    .map((folder) => folder && join(folder, name))
    .find((file) => file && existsSync(file));
  if (!found)
    throw new Error(
      `${name} is missing: npm run test:servers and npm run check:deploy install what they need`,
    );
  return found;
}

/** What a command wrote to stdout. Throws with its stderr when it fails. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (piece) => stdout.push(piece));
  child.stderr.on("data", (piece) => stderr.push(piece));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${Buffer.concat(stderr)}`);
  return Buffer.concat(stdout).toString();
}

/** The JSON values of a stream, however they are laid out: one after the other. */
export function jsonStream(text: string): unknown[] {
  const values: unknown[] = [];
  let depth = 0;
  let start = 0;
  let isText = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (isText) {
      if (letter === "\\") i++;
      else if (letter === '"') isText = false;
    } else if (letter === '"') isText = true;
    else if (letter === "{") {
      if (depth === 0) start = i;
      depth += 1;
    } else if (letter === "}") {
      depth -= 1;
      if (depth === 0) values.push(JSON.parse(text.slice(start, i + 1)));
    }
  }
  return values;
}
