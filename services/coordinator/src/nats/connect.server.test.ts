import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Logger, silentLogger, systemClock } from "@cogfleet/core";
import { NatsServer, natsFolder, natsProgram, OPEN_TO_ALL } from "../testing/nats-servers.js";
import { isOlder, NatsLink } from "./nats-link.js";

describe("connecting to NATS", { timeout: 120_000 }, () => {
  const { folder, remove } = natsFolder();
  const ends: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const end of ends.toReversed()) await end();
    remove();
  });

  async function linesOf(which: "oldest" | "newest"): Promise<string[]> {
    const server = await NatsServer.start({ program: natsProgram(which), folder: join(folder, which) });
    ends.push(() => server.kill());
    const lines: string[] = [];
    const note = (_fields: object, message: string): void => void lines.push(message);
    const log: Logger = { ...silentLogger, info: note, warn: note };
    const link = await NatsLink.open({ ...OPEN_TO_ALL, natsUrl: server.url }, { clock: systemClock, log });
    await link.close();
    return lines;
  }

  it("says what an old server cannot do", async () => {
    const lines = (await linesOf("oldest")).join("\n");
    assert.match(lines, /cannot sync each write/);
    assert.match(lines, /ignores the age limit of a key/);
  });

  it("has nothing to say of a new one", async () => {
    assert.deepEqual(await linesOf("newest"), ["NATS connected"]);
  });

  it("refuses a server without JetStream, a user that it does not know, and nobody there", async () => {
    const open = (natsUrl: string, over: object = {}) =>
      NatsLink.open({ ...OPEN_TO_ALL, natsUrl, ...over }, { clock: systemClock, log: silentLogger });
    const locked = await NatsServer.start({
      program: natsProgram(),
      folder: join(folder, "locked"),
      lines: ['authorization { user: me, password: "secret" }'],
    });
    ends.push(() => locked.kill());
    await assert.rejects(open(locked.url), { code: "invalid_config" });
    const link = await open(locked.url, { natsUser: "me", natsPassword: "secret" });
    await link.close();
    await locked.kill();
    await assert.rejects(open(locked.url), { code: "unavailable" });
    await assert.rejects(
      open(locked.url, { natsTlsCa: "/nowhere.pem" }),
      /--nats-tls-ca \/nowhere.pem cannot be read/,
    );
    const bare = spawn(natsProgram().path, ["-a", "127.0.0.1", "-p", String(locked.port)], {
      stdio: "ignore",
    });
    try {
      const told = async (): Promise<string> =>
        open(locked.url).then(
          () => "",
          (reason: Error) => reason.message,
        );
      let message = await told();
      for (let tries = 0; tries < 100 && message.includes("did not answer"); tries++) {
        await systemClock.sleep(50, AbortSignal.timeout(1_000));
        message = await told();
      }
      assert.match(message, /has no JetStream: start it with -js/);
    } finally {
      const gone = once(bare, "exit");
      bare.kill();
      await gone;
    }
  });
});

describe("isOlder", () => {
  it("compares major and minor numbers", () => {
    assert.deepEqual(
      ["2.9.10", "2.10.0", "2.15.2", "3.0.0", "1.99.0"].map((version) => isOlder(version, [2, 10])),
      [true, false, false, false, true],
    );
  });
});
