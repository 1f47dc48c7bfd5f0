import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readGenerateFlags } from "./generate-flags.js";

describe("the flags of generate", () => {
  it("leave to the model what is left out", () => {
    const { submission, target, outputs } = readGenerateFlags({ prompt: "a red circle", metadata: true }, {});
    const given = Object.entries(submission).filter(([, value]) => value !== undefined);
    assert.deepEqual(Object.fromEntries(given), {
      prompt: "a red circle",
      embedMetadata: true,
      extraArtifacts: [],
    });
    assert.deepEqual(target, { kind: "endpoint", endpoint: "127.0.0.1:7070", tls: undefined });
    assert.deepEqual(outputs, [{ kind: "video", flag: "output", path: "video.mp4" }]);
  });

  it("ask for the artifacts that are to be saved", () => {
    const { submission, outputs } = readGenerateFlags(
      { prompt: "x", saveFrames: "f.safetensors", saveLatents: "l.safetensors", metadata: false },
      {},
    );
    assert.deepEqual(submission.extraArtifacts, ["latents", "frames"]);
    assert.equal(submission.embedMetadata, false);
    assert.deepEqual(
      outputs.map(({ flag }) => flag),
      ["output", "save-latents", "save-frames"],
    );
  });

  it("take the coordinator from --endpoint before COGFLEET_ENDPOINT", () => {
    const env = { COGFLEET_ENDPOINT: "cluster:1" };
    const endpointOf = (raw: object): unknown => readGenerateFlags({ prompt: "x", ...raw }, env).target;
    assert.deepEqual(endpointOf({}), { kind: "endpoint", endpoint: "cluster:1", tls: undefined });
    assert.deepEqual(endpointOf({ endpoint: "other:2" }), {
      kind: "endpoint",
      endpoint: "other:2",
      tls: undefined,
    });
  });

  it("write nothing with --detach, and refuse with it what would", () => {
    const { outputs, isDetached } = readGenerateFlags({ prompt: "x", detach: true }, {});
    assert.deepEqual([outputs, isDetached], [[], true]);
    for (const raw of [{ output: "v.mp4" }, { saveLatents: "l" }, { saveFrames: "f" }, { local: true }])
      assert.throws(
        () => readGenerateFlags({ prompt: "x", detach: true, ...raw }, {}),
        /and --detach exclude/,
      );
  });

  it("name every flag that is wrong", () => {
    const raw = {
      parallel: "context=17",
      steps: "1001",
      frames: "x",
      fps: "0",
      workers: "2",
      endpoint: "nowhere",
    };
    assert.throws(
      () => readGenerateFlags(raw, {}),
      (error: Error) =>
        [
          "--prompt",
          '"context=17"',
          "--steps",
          "--frames",
          "--fps",
          "--workers needs --local",
          "--endpoint",
        ].every((word) => error.message.includes(word)),
    );
  });

  it("refuse --endpoint with --local, and take the workers' shape with it", () => {
    assert.throws(
      () => readGenerateFlags({ prompt: "x", local: true, endpoint: "a:1" }, {}),
      /exclude each other/,
    );
    const { target } = readGenerateFlags({ prompt: "x", local: true, workers: "2", device: "cuda:1" }, {});
    assert.deepEqual(target, {
      kind: "local",
      shape: { workers: 2, threads: undefined, device: "cuda:1", precision: undefined },
    });
  });
});
