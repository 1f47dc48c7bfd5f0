import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import {
  type FrameSize,
  openVaeDecoder,
  type Runtime,
  readVaeFolder,
  type VaeConfig,
  type VaeDecoder,
  type Weights,
} from "@cogfleet/model";
import { memoryGroups, openShardedVaeDecoder } from "@cogfleet/parallel";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

interface Run extends FrameSize {
  readonly name: string;
}

const { decode, tolerance } = readJson<{
  readonly decode: readonly Run[];
  readonly tolerance: { atol: number };
}>("vae", "case.json");
const runOf = (name: string): Run => decode.find((run) => run.name === name) as Run;

const near = cpuRuntime();

/** The CPU as if it were a card; graphs of all chunks have room only where `hasRoom` says so. */
function card(hasRoom: () => boolean = () => true): { readonly runtime: Runtime; readonly opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    runtime: {
      isFar: true,
      async open(graph, signal) {
        opened.push(graph.name);
        const session = await near.open(graph, signal);
        return {
          ...session,
          run(inputs, runSignal, options) {
            if (graph.name.includes("film") && !hasRoom())
              return Promise.reject(new ClusterError("out_of_memory", "no room on the card"));
            return session.run(inputs, runSignal, options);
          },
        };
      },
      openTogether: near.openTogether,
      close: async () => {},
    },
  };
}

describe("the VAE decoder on a card", () => {
  let config: VaeConfig;
  let weights: () => Weights;
  let inputs: (name: string) => Float32Array;
  let expected: (name: string) => Float32Array;
  before(async () => {
    ({ config, weights } = await readVaeFolder(join(FIXTURES, "vae", "vae"), neverAborts));
    inputs = await readFloats("vae", "inputs.safetensors");
    expected = await readFloats("vae", "expected.safetensors");
  });
  const decoderOn = (runtime: Runtime): Promise<VaeDecoder> =>
    openVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
  const check = async (decoder: VaeDecoder, name: string): Promise<void> => {
    const { sample } = await decoder.decode(
      inputs(`${name}.latents`),
      runOf(name),
      { tiling: false },
      neverAborts,
    );
    assertClose(sample, expected(`${name}.sample`), tolerance.atol);
  };

  it("computes all chunks in one graph, which it keeps for the next video of as many", async () => {
    const { runtime, opened } = card();
    const decoder = await decoderOn(runtime);
    for (const name of ["small", "small", "t1"]) await check(decoder, name);
    await decoder.close();
    assert.deepEqual(opened, ["vae.decoder", "vae.decoder.film2", "vae.decoder.film1"]);
  });

  it("goes on chunk by chunk where the card has no room, and tries smaller videos again", async () => {
    let hasRoom = false;
    const { runtime, opened } = card(() => hasRoom);
    const decoder = await decoderOn(runtime);
    await check(decoder, "t1");
    hasRoom = true;
    await check(decoder, "t1");
    assert.deepEqual(opened, ["vae.decoder", "vae.decoder.film1"]);
    await check(decoder, "small"); // half of it
    await decoder.close();
    assert.deepEqual(opened, ["vae.decoder", "vae.decoder.film1", "vae.decoder.film2"]);
  });

  it("does so in a worker, too", async () => {
    const { runtime, opened } = card();
    const decoder = await openShardedVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
    const [group] = memoryGroups(1).groups;
    assert.ok(group);
    const run = runOf("small");
    const decoded = await decoder.decode(
      group,
      { kind: "serial" },
      inputs("small.latents"),
      run,
      { tiling: false },
      neverAborts,
    );
    assertClose(decoded?.sample ?? new Float32Array(), expected("small.sample"), tolerance.atol);
    await decoder.close();
    assert.deepEqual(opened, ["vae.decoder", "vae.decoder.film2"]);
  });
});
