import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { type Plan, planSize, type VaePlan } from "@cogfleet/parallel";
import type { JobRequest } from "./job.js";
import { LinkTable } from "./links.js";
import { partsOf, planGroup } from "./planning.js";
import { sampleRequest, sampleWorker } from "./testing/sample-jobs.js";
import type { WorkerFacts } from "./workers.js";

/** CogVideoX-2b at its native size, by its configs' defaults. */
const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};

const LINKS = new LinkTable();
const FULL = { model: "demo", numFrames: 49, height: 480, width: 720, numInferenceSteps: 50 } as const;
const SMALL = { ...FULL, numFrames: 1, height: 16, width: 16, numInferenceSteps: 1 } as const;

/** Two workers of this rate, in FLOP/s. */
function two(flopsPerSecond: number) {
  return ["w0", "w1"].map((id) => ({
    worker: sampleWorker(id, {
      configs: new Map([["demo", CONFIGS]]),
      exchangeAddress: `${id}:1`,
      flopsPerSecond,
      memoryBytes: 1e12,
    }),
    transformerForm: undefined,
    slowness: 1,
  }));
}

describe("planning a group", () => {
  it("spreads a job that takes long", () => {
    const { plan, workerIds } = planGroup(sampleRequest(FULL), {}, undefined, two(1e11), LINKS);
    assert.equal(planSize(plan), 2);
    assert.deepEqual(workerIds.toSorted(), ["w0", "w1"]);
  });

  it("does not share rows over a link that was measured as slow", () => {
    const slow = new LinkTable();
    const link = { bytesPerSecond: 1e7, latencySeconds: 0.05 };
    const { hostname } = sampleWorker("w0");
    slow.record(hostname, hostname, link, 0);
    const pinned = { cfg: 1 } as const;
    assert.equal(planGroup(sampleRequest(FULL), pinned, undefined, two(1e13), LINKS).plan.context, 2);
    assert.equal(planGroup(sampleRequest(FULL), pinned, undefined, two(1e13), slow).plan.context, 1);
  });

  it("leaves a short one on one worker, so that the next job finds the other free", () => {
    const { plan, workerIds } = planGroup(sampleRequest(SMALL), {}, undefined, two(1e13), LINKS);
    assert.equal(planSize(plan), 1);
    assert.equal(workerIds.length, 1);
  });

  it("spreads a short one where its degrees are pinned", () => {
    const { plan } = planGroup(sampleRequest(SMALL), { cfg: 2 }, undefined, two(1e13), LINKS);
    assert.equal(plan.cfg, 2);
  });

  it("gives workers of one host's CPU equal shares, however they held each other up when they measured", () => {
    const sharesOf = (...over: readonly Partial<WorkerFacts>[]): readonly number[] => {
      const fleet = over.map((facts, i) => {
        const [, one] = two(1e11);
        assert.ok(one);
        return { ...one, worker: { ...one.worker, id: `w${i}`, ...facts } };
      });
      return planGroup(sampleRequest(FULL), { cfg: 1, context: 2 }, undefined, fleet, LINKS).plan.rates;
    };
    const [fast, slow] = [{ flopsPerSecond: 1e11 }, { flopsPerSecond: 2.5e10 }];
    const [first = 0, second = 0] = sharesOf(fast, slow);
    assert.equal(first, second);
    for (const other of [{ threads: 9 }, { hostname: "another" }, { device: "cuda:1" }]) {
      const [more = 0, less = 0] = sharesOf(
        { ...fast, device: other.device ?? "cpu" },
        { ...slow, ...other },
      );
      assert.ok(more / less > 3, JSON.stringify(other));
    }
  });

  it("leaves it to the workers to refuse what cannot be computed: tiles that do not fit together", () => {
    const vae = parseVaeConfig("vae", { sample_height: 32, sample_width: 48 });
    const odd = two(1e11).map((one) => {
      const configs = new Map([["demo", { ...CONFIGS, vae }]]);
      return { ...one, worker: { ...one.worker, configs } };
    });
    const request = sampleRequest({ ...FULL, vaeTiling: true });
    const { plan, workerIds } = planGroup(request, { cfg: 1, context: 2 }, undefined, odd, LINKS);
    assert.deepEqual([planSize(plan), plan.vae.kind], [2, "serial"]);
    const parts = partsOf(plan, workerIds, request, { ...CONFIGS, vae });
    assert.deepEqual(
      parts.map(({ rows }) => rows),
      [undefined, undefined],
    );
  });

  it("tells watchers who decodes what", () => {
    const decodedBy = (vae: VaePlan, over: Partial<JobRequest> = {}) => {
      const plan: Plan = { cfg: 1, context: 2, rates: [1, 1], vae };
      const request = sampleRequest({ ...FULL, ...over });
      return partsOf(plan, ["w1", "w2"], request, CONFIGS).map(({ chunks, tiles }) => chunks ?? tiles);
    };
    const chunks = [
      { start: 0, count: 3 },
      { start: 3, count: 3 },
    ];
    assert.deepEqual(decodedBy({ kind: "temporal", chunks }), chunks);
    assert.deepEqual(decodedBy({ kind: "tiles", tiles: [[0, 2], [1]] }), [[0, 2], [1]]);
    assert.deepEqual(decodedBy({ kind: "serial" }), [{ start: 0, count: 6 }, undefined]);
    assert.deepEqual(decodedBy({ kind: "serial" }, { vaeTiling: true }), [
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
      undefined,
    ]);
  });

  it("keeps the plan of the attempt before while enough workers are there", () => {
    const kept = { cfg: 1, context: 2, rates: [2, 1], vae: { kind: "serial" } } as const;
    assert.equal(planGroup(sampleRequest(SMALL), {}, kept, two(1e13), LINKS).plan, kept);
  });
});
