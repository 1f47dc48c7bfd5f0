import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FlagReader } from "./flags.js";
import { readTlsFlags } from "./tls-flags.js";

const FILES = { tlsCert: "c.pem", tlsKey: "k.pem", tlsCa: "a.pem" };

function read(raw: object, env: Record<string, string> = {}): unknown {
  const flags = new FlagReader({ ...raw });
  const files = readTlsFlags(flags, env);
  flags.finish();
  return files;
}

describe("the TLS flags of a client", () => {
  it("take all three files, from flags before variables, or none", () => {
    const files = { certificate: "c.pem", privateKey: "k.pem", ca: "a.pem", serverName: undefined };
    assert.deepEqual(read(FILES), files);
    const { tlsCa, ...two } = FILES;
    assert.deepEqual(read(two, { COGFLEET_TLS_CA: tlsCa, COGFLEET_TLS_CERT: "other.pem" }), files);
    assert.equal(read({}), undefined);
  });

  it("switch off what the variables say", () => {
    const env = { COGFLEET_TLS_CERT: "c", COGFLEET_TLS_KEY: "k", COGFLEET_TLS_CA: "a" };
    assert.equal(read({ tlsCert: "none", tlsKey: "none", tlsCa: "none" }, env), undefined);
  });

  it("refuse a part of them, and a name without them", () => {
    assert.throws(() => read({ tlsCert: "c" }), /go together/);
    assert.throws(() => read({ ...FILES, tlsKey: " " }), /--tls-key must not be blank/);
    assert.throws(() => read({ tlsServerName: "x" }), /--tls-server-name needs --tls-cert/);
  });
});
