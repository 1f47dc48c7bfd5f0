import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseCoordinatorConfig } from "./config.js";

describe("parseCoordinatorConfig", () => {
  it("listens on this machine only, unless told otherwise", () => {
    assert.equal(parseCoordinatorConfig([], {}).listen, "127.0.0.1");
    assert.equal(parseCoordinatorConfig(["--listen", "0.0.0.0"], {}).listen, "0.0.0.0");
  });

  it("refuses a lease that two lost heartbeats would break", () => {
    assert.throws(() => parseCoordinatorConfig(["--lease-ms", "2000"], {}), {
      code: "invalid_config",
      message: "--lease-ms of 2000 must be at least 3 times --heartbeat-ms of 1000",
    });
  });
});
