import assert from "node:assert/strict";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { TlsFiles } from "@cogfleet/service";
import { type RunningCommand, runCommand, startCommand } from "../cli/command.js";
import { createAuthority } from "./authority.js";

const DEMO = fileURLToPath(new URL("../../../models/demo", import.meta.url));

function flagsOf({ certificate, privateKey, ca }: TlsFiles): string[] {
  return ["--tls-cert", certificate, "--tls-key", privateKey, "--tls-ca", ca];
}

function start(t: TestContext, ...args: string[]): RunningCommand {
  const command = startCommand(...args);
  t.after(async () => {
    command.child.kill("SIGTERM");
    await command.ended;
  });
  return command;
}

it("makes a video on two workers with every channel under TLS, and for nobody without a certificate", async (t) => {
  const authority = await createAuthority(t, "ours");
  const { folder } = authority;
  const data = join(folder, "data");
  const identity = async (holder: string): Promise<string[]> => flagsOf(await authority.issue(holder));
  const coordinator = start(
    ...[t, "coordinator", "--port", "0", "--data", data, ...(await identity("coordinator"))],
  );
  const [, endpoint = ""] = await coordinator.line(/gRPC on (\S+?),/);
  const workers = await Promise.all(
    ["w1", "w2"].map(async (id) =>
      start(
        ...[t, "worker", "--coordinator", endpoint, "--model", DEMO, "--id", id, "--local-workers", "2"],
        ...(await identity(id)),
      ),
    ),
  );
  await Promise.all(workers.map((worker) => worker.line(/"connected to the coordinator"/)));

  const client = ["--endpoint", endpoint, ...(await identity("client"))];
  const made = await runCommand(
    ...["generate", "--prompt", "a red circle moves right", "--steps", "4", "--parallel", "context=2"],
    ...["--seed", "7", "--output", join(folder, "video.mp4"), "--json", ...client],
  );
  assert.equal(made.code, 0, made.err.join("\n"));
  const result: unknown = JSON.parse(made.out.at(-1) ?? "");
  assert.ok(typeof result === "object" && result !== null && "worker_ids" in result);
  assert.deepEqual([...(result.worker_ids as string[])].sort(), ["w1", "w2"]);

  const stranger = await runCommand("jobs", "list", "--endpoint", endpoint);
  assert.equal(stranger.code, 2);
  assert.match(stranger.err.join("\n"), /cannot reach the coordinator at .*: it closed .* it may want TLS/);
  const half = await runCommand("jobs", "list", "--endpoint", endpoint, ...client.slice(2, 4));
  assert.equal(half.code, 2);
  assert.match(half.err.join("\n"), /--tls-cert, --tls-key and --tls-ca go together/);
});
