import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { elements, type Weights } from "@cogfleet/model";
import {
  contextLayout,
  forwardFlops,
  jobShape,
  memoryGroups,
  openShardedTransformer,
} from "@cogfleet/parallel";
import { ARGUMENTS_480P, RELEASED_MODELS } from "@cogfleet/parallel/testing";
import { ModelledDevice } from "./modelled-device.js";

const ANY_WEIGHTS: Weights = {
  get: (name, dims) => ({ name, type: "float32", dims, file: "/nowhere", offset: 0, bytes: 0 }),
  has: () => true,
  requireAllUsed: () => {},
};

describe("a modelled device", () => {
  it("spends a forward pass's arithmetic over the ranks, and nothing on copies that it was not given", async () => {
    const transformer = { ...RELEASED_MODELS["5B"].transformer, numLayers: 2 };
    const args = { ...ARGUMENTS_480P, height: 32, width: 48, numFrames: 9 };
    const job = jobShape({ ...RELEASED_MODELS["5B"], transformer }, args, "fp32");
    const layout = contextLayout({ cfg: 1, context: 3, rates: [1, 2, 1] }, job);
    const clock = new ManualClock();
    const devices = layout.rows.map(
      () => new ModelledDevice(clock, { rate: 1e12, hostBytesPerSecond: undefined }),
    );
    await Promise.all(
      memoryGroups(3).groups.map(async (group) => {
        const device = devices[group.rank] as ModelledDevice;
        const opened = await openShardedTransformer(device, transformer, ANY_WEIGHTS, "fp32", neverAborts);
        const text = layout.text[group.rank]?.count ?? 0;
        const video = layout.video[group.rank]?.count ?? 0;
        const sample = await opened.forward(
          group,
          {
            batch: 1,
            size: { ...job.decoded, textTokens: 226 },
            layout,
            video: new Float32Array(video * 64),
            text: new Float32Array(text * 4096),
            timestep: [999],
          },
          neverAborts,
        );
        assert.equal(sample.length, elements([video, 64]));
      }),
    );
    const spent = devices.reduce((sum, { busy }) => sum + busy.computeSeconds, 0);
    assert.ok(Math.abs((spent * 1e12) / forwardFlops(job) - 1) < 1e-9);
    assert.equal(devices[0]?.busy.hostSeconds, 0);
  });

  it("runs one graph after the other, for as long as the card would, dilated", async () => {
    const clock = new ManualClock();
    const device = new ModelledDevice(clock, { rate: 1e3, hostBytesPerSecond: 1e3 });
    device.restart(10);
    const session = await device.open({
      name: "transformer.heads-1",
      model: new Uint8Array(),
      inputs: [],
      outputs: [{ name: "attention", type: "float32", dims: ["B", "Q", 4] }],
    });
    const of = (rows: number) =>
      ({ type: "float32", data: new Float32Array(4 * rows), dims: [1, rows, 4] }) as const;
    const inputs = { q: of(2), k: of(5), v: of(5) };
    const ends: number[] = [];
    const run = async (): Promise<void> => {
      const { attention } = await session.run(inputs, neverAborts);
      assert.deepEqual(attention?.dims, [1, 2, 4]);
      ends.push(clock.now());
    };
    const both = Promise.all([run(), run()]);
    await clock.advance(20_000);
    await both;
    // 4 * 2 * 5 * 4 operations, and 12 + 2 rows of 16 bytes, at 1000 a second.
    const seconds = 0.16 + 0.224;
    assert.deepEqual(
      ends.map((end) => end.toFixed(3)),
      [seconds * 10_000, 2 * seconds * 10_000].map((end) => end.toFixed(3)),
    );
  });
});
