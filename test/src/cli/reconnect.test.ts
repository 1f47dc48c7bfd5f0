import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startCommand } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-reconnect-"));
after(() => rmSync(folder, { recursive: true }));

/** A way to the coordinator that can be cut: every connection over it breaks, new ones go through. */
async function cuttable(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cut(): void {
      for (const socket of sockets) socket.destroy();
    },
    close(): void {
      server.close();
      this.cut();
    },
  };
}

describe("generate", { timeout: 540_000 }, () => {
  it("goes on by itself when its connection is cut, and sees every event once", async () => {
    const up = startCommand("up", "--port", "0", "--data", join(folder, "data"));
    const [, port] = await up.line(/^coordinator 127\.0\.0\.1:(\d+)/);
    await up.line(/^try: /);
    const way = await cuttable(Number(port));
    const client = startCommand(
      ...[
        "generate",
        "--endpoint",
        `127.0.0.1:${way.port}`,
        "--prompt",
        "a red circle moves right",
        "--json",
      ],
      ...["--steps", "200", "--output", join(folder, "video.mp4")],
    );
    await client.line(/"step":3,/);
    way.cut();
    await client.line(/"event":"notice".*lost the coordinator/);
    const { code, out, err } = await client.ended;
    way.close();
    up.child.kill("SIGTERM");
    await up.ended;

    assert.equal(code, 0, err.join("\n"));
    const steps = out.map((line) => JSON.parse(line)).filter(({ event }) => event === "step");
    assert.deepEqual(
      steps.map(({ step }) => step),
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
  });
});
