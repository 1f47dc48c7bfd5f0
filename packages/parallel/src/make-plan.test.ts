import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelConfigs } from "@cogfleet/model";
import fc from "fast-check";
import { denoiseLayout, estimateDenoise } from "./estimate-denoise.js";
import { type JobArguments, jobShape, jointTokens } from "./job-shape.js";
import { makePlan, type PlanInput, type PlanResult } from "./make-plan.js";
import { planSize } from "./plan.js";
import { DEFAULT_HOST_BYTES_PER_SECOND, type PlanWorker } from "./plan-fleet.js";
import { ARGUMENTS_480P, RELEASED_MODELS } from "./testing/index.js";

const GBIT = 1e9 / 8;

interface Setting {
  readonly configs?: ModelConfigs;
  readonly args?: Partial<JobArguments>;
  readonly workers?: readonly PlanWorker[];
  readonly gbit?: number;
  readonly latencySeconds?: number;
  readonly pinned?: PlanInput["pinned"];
  readonly precision?: PlanInput["precision"];
}

function input(setting: Setting): PlanInput {
  const link = {
    bytesPerSecond: (setting.gbit ?? 100) * GBIT,
    latencySeconds: setting.latencySeconds ?? 50e-6,
  };
  return {
    configs: setting.configs ?? RELEASED_MODELS["5B"],
    args: { ...ARGUMENTS_480P, ...setting.args },
    precision: setting.precision ?? "bf16",
    fleet: {
      workers: setting.workers ?? cards(4),
      link: () => link,
      hostBytesPerSecond: DEFAULT_HOST_BYTES_PER_SECOND,
    },
    pinned: setting.pinned ?? {},
  };
}

/** L40s: 664 TFLOP of 5B in 6.28 s. */
function cards(count: number, changes: Partial<PlanWorker> = {}): PlanWorker[] {
  const card = { rate: 106e12, memoryBytes: Number.POSITIVE_INFINITY, device: "webgpu" as const };
  return Array.from({ length: count }, (_, i) => ({ id: `w${i}`, ...card, ...changes }));
}

function planned(result: PlanResult): Extract<PlanResult, { kind: "planned" }> {
  assert.equal(result.kind, "planned", JSON.stringify(result));
  return result;
}

function refused(result: PlanResult): Extract<PlanResult, { kind: "refused" }> {
  assert.equal(result.kind, "refused", JSON.stringify(result));
  return result;
}

describe("the planner", () => {
  it("uses guidance first when links are slow, and context as well when they are fast", () => {
    const at = (gbit: number) => planned(makePlan(input({ gbit }))).plan;
    assert.deepEqual({ cfg: at(1).cfg, context: at(1).context }, { cfg: 2, context: 1 });
    assert.deepEqual({ cfg: at(400).cfg, context: at(400).context }, { cfg: 2, context: 2 });
  });

  it("leaves workers idle that would only cost time", () => {
    const { workers, plan } = planned(makePlan(input({ gbit: 0.01, args: { guidanceScale: 1 } })));
    assert.equal(planSize(plan), 1);
    assert.equal(workers.length, 1);
  });

  it("takes the quickest worker when one is to do it alone", () => {
    const workers = cards(3).map((card, i) => ({ ...card, rate: i === 1 ? 2 * card.rate : card.rate }));
    assert.deepEqual(planned(makePlan(input({ workers, pinned: { cfg: 1, context: 1 } }))).workers, ["w1"]);
  });

  it("cuts an attention on CPUs only where the wire is slower than they carry", () => {
    const workers = cards(2, { rate: 150e9, device: "cpu" });
    const partsAt = (gbit: number): number | undefined =>
      planned(makePlan(input({ workers, gbit, precision: "fp32", pinned: { cfg: 1, context: 2 } }))).plan
        .parts;
    assert.equal(partsAt(100), 1);
    assert.ok((partsAt(0.5) ?? 1) > 1);
  });

  it("shares a job over no more workers than the service does", () => {
    const workers = cards(64);
    const { plan } = planned(makePlan(input({ workers, gbit: 400 })));
    assert.equal(planSize(plan), 16);
  });

  it("gives unequal workers unequal shares", () => {
    const workers = cards(2).map((card, i) => ({ ...card, rate: card.rate * (1 + i) }));
    const result = planned(makePlan(input({ workers, gbit: 400, pinned: { cfg: 1, context: 2 } })));
    const layout = denoiseLayout(jobShape(RELEASED_MODELS["5B"], ARGUMENTS_480P, "bf16"), result.plan);
    assert.deepEqual(result.workers, ["w1", "w0"]);
    const [first = 0, second = 0] = layout.rows.map(({ count }) => count);
    assert.ok(Math.abs(first / second - 2) < 0.01);
  });

  it("honours pinned degrees, worse ones too", () => {
    for (const pinned of [{ cfg: 1, context: 4 }, { cfg: 2 }, { context: 3 }, { context: 1 }] as const) {
      const { plan } = planned(makePlan(input({ pinned, gbit: 0.1 })));
      assert.equal(plan.cfg, "cfg" in pinned ? pinned.cfg : plan.cfg);
      assert.equal(plan.context, "context" in pinned ? pinned.context : plan.context);
    }
  });

  it("counts the change of a worker's form, so that a short job stays with what is loaded", () => {
    const short = { numInferenceSteps: 1, guidanceScale: 1 };
    const at = (form: "whole" | "segments" | undefined) =>
      planned(makePlan(input({ workers: cards(2, { form }), gbit: 400, args: short }))).plan.context;
    assert.equal(at("segments"), 2);
    assert.equal(at("whole"), 1);
  });

  it("counts what passes host memory on CUDA", () => {
    const pinned = { cfg: 1, context: 4 } as const;
    const denoise = (device: PlanWorker["device"]) =>
      planned(makePlan(input({ workers: cards(4, { device }), pinned }))).explanation.stages.find(
        ({ stage }) => stage === "denoise",
      );
    assert.equal(denoise("webgpu")?.hostSeconds, 0);
    assert.ok((denoise("cuda")?.hostSeconds ?? 0) > 1);
    assert.ok((denoise("cuda")?.seconds ?? 0) > (denoise("webgpu")?.seconds ?? Number.NaN));
  });

  it("decodes by time over fast links, alone over slow ones, and in tiles only when the job asks for them", () => {
    const kind = (setting: Setting) => planned(makePlan(input(setting))).plan.vae.kind;
    assert.equal(kind({ gbit: 400 }), "temporal");
    assert.equal(kind({ gbit: 10 }), "serial");
    assert.equal(kind({ gbit: 10, args: { vaeTiling: true } }), "tiles");
  });

  it("takes a worker that has the memory in the place of one that has not", () => {
    const workers = cards(3).map((card, i) => ({ ...card, memoryBytes: i === 0 ? 1e9 : 80e9 }));
    const result = planned(makePlan(input({ workers })));
    assert.ok(!result.workers.includes("w0"));
    assert.ok(result.explanation.memoryBytes.every((bytes) => bytes > 1e9 && bytes < 80e9));
  });

  it("refuses what cannot be, with what would work", () => {
    const cases: readonly (readonly [Setting, string, RegExp])[] = [
      [{ pinned: { cfg: 2, context: 4 } }, "resource_exhausted", /needs 8 workers, there are 4: add 4/],
      [{ workers: [] }, "resource_exhausted", /no worker/],
      [{ pinned: { cfg: 2 }, args: { guidanceScale: 1 } }, "invalid_request", /guidance_scale 1.*use cfg=1/],
      [
        { workers: cards(300), pinned: { context: 290 }, args: { height: 16, width: 16, numFrames: 1 } },
        "invalid_request",
        /context=290 is above the sequence of 227 tokens/,
      ],
      [
        { workers: cards(4, { memoryBytes: 5e9 }) },
        "out_of_memory",
        /does not fit: worker w\d has 5.00 GB and needs .* GB to .*; what would help: /,
      ],
    ];
    for (const [setting, code, words] of cases) {
      const refusal = refused(makePlan(input(setting)));
      assert.equal(refusal.code, code);
      assert.match(refusal.reason, words);
    }
  });

  it("names tiling as the way out when decoding does not fit, and does not take it", () => {
    const workers = cards(1, { memoryBytes: 18e9 });
    assert.match(
      refused(makePlan(input({ workers }))).reason,
      /to decode at best; what would help: vae_tiling/,
    );
    planned(makePlan(input({ workers, args: { vaeTiling: true } })));
  });
});

describe("any plan", () => {
  const setting: fc.Arbitrary<Setting> = fc
    .record({
      model: fc.constantFrom("2B" as const, "5B" as const, "1.5-5B" as const),
      rates: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 16 }),
      device: fc.constantFrom("cpu" as const, "cuda" as const),
      gbit: fc.double({ min: 0.1, max: 400, noNaN: true }),
      frames: fc.integer({ min: 0, max: 12 }),
      height: fc.integer({ min: 1, max: 30 }),
      width: fc.integer({ min: 1, max: 45 }),
      guidanceScale: fc.constantFrom(1, 6),
      numInferenceSteps: fc.constantFrom(1, 50),
      vaeTiling: fc.boolean(),
      form: fc.constantFrom("whole" as const, "segments" as const, undefined),
    })
    .map(({ model, rates, device, gbit, frames, height, width, form, ...args }) => ({
      configs: RELEASED_MODELS[model],
      workers: rates.map((rate, i) => ({
        id: `w${i}`,
        rate: rate * 1e12,
        memoryBytes: Number.POSITIVE_INFINITY,
        device,
        form,
      })),
      gbit,
      args: { ...args, numFrames: 8 * frames + 1, height: 16 * height, width: 16 * width },
    }));

  const degrees = fc.record({
    cfg: fc.constantFrom(1 as const, 2 as const),
    context: fc.integer({ min: 1, max: 16 }),
  });

  function assertCovers(setting: Setting, { plan, workers }: Extract<PlanResult, { kind: "planned" }>): void {
    const { configs, args } = input(setting);
    const job = jobShape(configs, args, "bf16");
    assert.equal(new Set(workers).size, planSize(plan));
    assert.equal(plan.rates.length, planSize(plan));
    const layout = denoiseLayout(job, plan);
    const counts = layout.rows.map(({ count }) => count);
    assert.equal(
      counts.reduce((a, b) => a + b, 0),
      jointTokens(job),
    );
    assert.ok(counts.every((count) => count > 0));
    const headRows = layout.parts
      .flat()
      .reduce((sum, cell) => sum + cell.heads.count * cell.queries.count, 0);
    assert.equal(headRows, job.heads * jointTokens(job));
    switch (plan.vae.kind) {
      case "serial":
        return;
      case "temporal": {
        assert.equal(plan.vae.chunks.length, planSize(plan));
        const chunks = plan.vae.chunks.flatMap(({ start, count }) =>
          Array.from({ length: count }, (_, i) => start + i),
        );
        assert.deepEqual(chunks, [...job.chunks.keys()]);
        assert.equal(job.isTiled, false);
        return;
      }
      case "tiles":
        assert.equal(plan.vae.tiles.length, planSize(plan));
        assert.deepEqual(
          [...new Set(plan.vae.tiles.flat())].sort((a, b) => a - b),
          [...job.areas.keys()],
        );
        assert.equal(job.isTiled, true);
    }
  }

  it("covers every row, head, chunk and tile once, and is no slower than one rank", () => {
    fc.assert(
      fc.property(setting, (some) => {
        const result = planned(makePlan(input(some)));
        assertCovers(some, result);
        const alone = planned(makePlan(input({ ...some, pinned: { cfg: 1, context: 1 } })));
        assert.ok(result.explanation.seconds <= alone.explanation.seconds * (1 + 1e-9));
        assert.equal(result.explanation.seconds, result.alternatives[0]?.seconds);
      }),
      { numRuns: 20 },
    );
  });

  it("is there for all degrees of 1 to 16 workers", () => {
    fc.assert(
      fc.property(setting, degrees, (some, degree) => {
        const workers = Array.from({ length: 16 }, (_, i) => ({
          ...(some.workers?.[i % some.workers.length] as PlanWorker),
          id: `w${i}`,
        }));
        const cfg = some.args?.guidanceScale === 1 ? 1 : degree.cfg;
        const pinned = { cfg, context: Math.ceil(degree.context / cfg) } as const;
        const result = planned(makePlan(input({ ...some, workers, pinned })));
        assert.deepEqual({ cfg: result.plan.cfg, context: result.plan.context }, pinned);
        assertCovers(some, result);
      }),
      { numRuns: 20 },
    );
  });

  it("is no slower over a faster link", () => {
    fc.assert(
      fc.property(setting, fc.double({ min: 1, max: 20, noNaN: true }), (some, factor) => {
        const slow = planned(makePlan(input(some))).explanation.seconds;
        const fast = planned(makePlan(input({ ...some, gbit: (some.gbit ?? 1) * factor }))).explanation
          .seconds;
        assert.ok(fast <= slow * (1 + 1e-9), `${fast} is slower than ${slow}`);
      }),
      { numRuns: 20 },
    );
  });
});

describe("the time of a denoise", () => {
  it("is the published one on one card, where nothing is exchanged", () => {
    const { configs, args, fleet } = input({ workers: cards(1), args: { numInferenceSteps: 1 } });
    const job = jobShape(configs, args, "bf16");
    const { seconds, wireSeconds } = estimateDenoise(
      job,
      { cfg: 1, context: 1, rates: [1] },
      fleet.workers,
      fleet,
    );
    assert.ok(Math.abs(seconds / 6.28 - 1) < 0.01, `${seconds}`);
    assert.equal(wireSeconds, 0);
  });
});
