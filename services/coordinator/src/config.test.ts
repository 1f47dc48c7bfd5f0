import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCoordinatorConfig } from "./config.js";

describe("parseCoordinatorConfig", () => {
  it("listens on this machine only, unless told otherwise", () => {
    assert.equal(parseCoordinatorConfig([], {}).listen, "127.0.0.1");
    assert.equal(parseCoordinatorConfig(["--listen", "0.0.0.0"], {}).listen, "0.0.0.0");
  });

  it("names every setting of NATS that cannot work", () => {
    const flags = ["--store", "nats", "--nats-url", "nats://a:4222,http://b", "--nats-prefix", "a.b"];
    const more = ["--nats-user", "me", "--nats-creds", "file", "--nats-tls-key", "file"];
    assert.throws(() => parseCoordinatorConfig([...flags, ...more], {}), {
      code: "invalid_config",
      message: [
        '--nats-url must name servers as nats://HOST:PORT or tls://HOST:PORT, got "http://b"',
        '--nats-prefix must be 1 to 64 letters, digits, "-" and "_", got "a.b"',
        "--nats-creds and --nats-user exclude each other",
        "--nats-user and --nats-password must be given together",
        "--nats-tls-cert and --nats-tls-key must be given together",
      ].join("; "),
    });
    assert.throws(() => parseCoordinatorConfig(["--advertise", "a b"], {}), {
      message: '--advertise must be HOST or HOST:PORT, got "a b"',
    });
  });

  it("refuses a lease that two lost heartbeats would break", () => {
    assert.throws(() => parseCoordinatorConfig(["--lease-ms", "2000"], {}), {
      code: "invalid_config",
      message: "--lease-ms of 2000 must be at least 3 times --heartbeat-ms of 1000",
    });
  });
});
