import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { ClusterError, neverAborts } from "@cogfleet/core";
import {
  type Given,
  type KeptTensor,
  type Runtime,
  readTransformerFolder,
  readVaeFolder,
  type Session,
} from "@cogfleet/model";
import {
  contextLayout,
  type Group,
  openShardedTransformer,
  openShardedVaeDecoder,
  planVae,
} from "@cogfleet/parallel";
import { cpuRuntime } from "../cpu-runtime.js";
import { FIXTURES } from "../golden-case.js";
import { onRanks } from "./ranks.js";

const near = cpuRuntime();

/** A runtime that knows which kept outputs nobody has taken or forgotten, and tells of each run that keeps any. */
class Watched {
  readonly left = new Set<KeptTensor>();
  onKept: () => void = () => {};
  readonly runtime: Runtime = {
    ...near,
    openTogether: async (...args) =>
      (await near.openTogether(...args)).map((session) => this.#watched(session)),
  };

  #watched(session: Session): Session {
    return {
      ...session,
      runKeeping: async (inputs, ...rest) => {
        for (const given of Object.values(inputs)) if ("forget" in given) this.left.delete(given);
        const outputs = await session.runKeeping(inputs, ...rest);
        this.#watch(outputs);
        this.onKept();
        return outputs;
      },
    };
  }

  #watch(outputs: Readonly<Record<string, Given>>): void {
    for (const output of Object.values(outputs)) {
      if (!("forget" in output)) continue;
      this.left.add(output);
      const { forget } = output;
      Object.assign(output, {
        forget: () => {
          this.left.delete(output);
          forget();
        },
      });
    }
  }

  /** `work` is stopped when `runs` runs have kept something, and must then let go of everything. */
  async stopAfter(
    runs: number,
    work: (group: Group, signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    const stop = new AbortController();
    let count = 0;
    this.onKept = () => {
      count += 1;
      if (count === runs) stop.abort(new ClusterError("cancelled", "enough"));
    };
    await assert.rejects(
      onRanks(2, (group) => work(group, stop.signal)),
      /enough/,
    );
    assert.ok(count >= runs);
    for (let tries = 0; this.left.size > 0 && tries < 100; tries++) await wait(10);
    assert.equal(this.left.size, 0);
  }
}

describe("what stays in the compute thread", () => {
  it("is let go of by a decode that is stopped, and by one that ends", async () => {
    const watched = new Watched();
    const { config, weights } = await readVaeFolder(join(FIXTURES, "vae", "vae"), neverAborts);
    const open = () => openShardedVaeDecoder(watched.runtime, config, weights(), "fp32", neverAborts);
    const decoders = [await open(), await open()];
    const size = { frames: 8, height: 4, width: 4 };
    const latents = new Float32Array(config.latentChannels * 8 * 4 * 4).fill(0.5);
    const plan = planVae(config, size, false, [1, 1]);
    const decode = (group: Group, signal: AbortSignal) =>
      (decoders[group.rank] ?? assert.fail()).decode(group, plan, latents, size, { tiling: false }, signal);
    for (const runs of [1, 4, 11]) await watched.stopAfter(runs, decode);
    await onRanks(2, (group) => decode(group, neverAborts));
    assert.equal(watched.left.size, 0);
  });

  it("is let go of by a forward pass that is stopped, and by one that ends", async () => {
    const watched = new Watched();
    const folder = join(FIXTURES, "transformer-2b", "transformer");
    const { config, weights } = await readTransformerFolder(folder, neverAborts);
    const transformer = await openShardedTransformer(watched.runtime, config, weights(), "fp32", neverAborts);
    const size = { frames: 2, height: 8, width: 8, textTokens: 10 };
    const videoTokens = 2 * (8 / config.patchSize) ** 2;
    const heads = config.numAttentionHeads;
    const layout = contextLayout(
      { cfg: 1, context: 2, rates: [1, 1] },
      { heads, textTokens: 10, videoTokens },
    );
    const forward = (group: Group, signal: AbortSignal) => {
      const features = config.inChannels * config.patchSize ** 2;
      const rows = (shares: typeof layout.video): number => shares[group.rank]?.count ?? assert.fail();
      const video = new Float32Array(rows(layout.video) * features);
      const text = new Float32Array(rows(layout.text) * config.textEmbedDim);
      const input = { batch: 1, size, layout, video, text, timestep: [500] };
      return transformer.forward(group, input, signal);
    };
    for (const runs of [1, 2, 3]) await watched.stopAfter(runs, forward);
    await onRanks(2, (group) => forward(group, neverAborts));
    assert.equal(watched.left.size, 0);
  });
});
