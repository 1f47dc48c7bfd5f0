import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import { countingRandom } from "@cogfleet/core/testing";
import { resolveRequest } from "@cogfleet/model";
import { bodySha256, resolveSubmission, type SubmitBody } from "./submission.js";
import { sampleModel } from "./testing/sample-jobs.js";

const NOW = Date.UTC(2026, 0, 1);

function body(over: Partial<SubmitBody> = {}): SubmitBody {
  return {
    prompt: "a red circle",
    model: undefined,
    parallel: undefined,
    idempotencyKey: undefined,
    priority: undefined,
    labels: {},
    embedMetadata: undefined,
    extraArtifacts: [],
    tenant: undefined,
    deadline: undefined,
    maxRunSeconds: undefined,
    allowVaeTilingFallback: undefined,
    ...over,
  };
}

function resolve(over: Partial<SubmitBody>): ReturnType<typeof resolveSubmission> {
  return resolveSubmission(body(over), sampleModel(), resolveRequest, countingRandom(), NOW);
}

function problemOf(over: Partial<SubmitBody>): string {
  try {
    resolve(over);
  } catch (reason) {
    const error = ClusterError.from(reason);
    assert.equal(error.code, "invalid_request");
    return error.message;
  }
  return "";
}

describe("resolveSubmission", () => {
  it("fills in what was left out", () => {
    const request = resolve({});
    assert.equal(request.model, "demo");
    assert.equal(request.parallel, "auto");
    assert.equal(request.priority, 0);
    assert.equal(request.embedMetadata, true);
    assert.equal(request.seed, 1);
    assert.deepEqual(request.extraArtifacts, []);
  });

  it("takes a tenant, a deadline in the future and a limit of running time", () => {
    const { tenant, deadline } = resolve({});
    assert.deepEqual([tenant, deadline], ["default", undefined]);
    const request = resolve({ tenant: "Blue.team_1", deadline: NOW + 1, maxRunSeconds: 0.5 });
    assert.deepEqual(
      [request.tenant, request.deadline, request.maxRunSeconds],
      ["Blue.team_1", NOW + 1, 0.5],
    );
  });

  it("refuses a tenant, a deadline and a limit that are none", () => {
    assert.match(problemOf({ tenant: "a!b" }), /tenant "a!b" must have 1 to 63 letters/);
    assert.match(problemOf({ tenant: "" }), /tenant "" must have/);
    assert.match(problemOf({ deadline: NOW }), /deadline 2026-01-01T00:00:00.000Z must be in the future/);
    assert.match(problemOf({ deadline: Number.NaN }), /deadline \(no time\) must be in the future/);
    assert.match(problemOf({ maxRunSeconds: 0 }), /max_run_seconds 0 must be a finite number above 0/);
  });

  it("keeps a value that was sent, though it is falsy", () => {
    const request = resolve({ seed: "0", guidanceScale: 0, embedMetadata: false, priority: -0 });
    assert.equal(request.seed, 0);
    assert.equal(request.guidanceScale, 0);
    assert.equal(request.embedMetadata, false);
  });

  for (const parallel of ["auto", "cfg=1", "cfg=2", "context=7", "cfg=2,context=2", "context=16,cfg=1"]) {
    it(`takes parallel ${parallel}`, () => assert.equal(resolve({ parallel }).parallel, parallel));
  }

  it("refuses degrees that leave a rank nothing to do", () => {
    assert.throws(() => resolve({ parallel: "cfg=2", guidanceScale: 1 }), /guidance_scale 1 .*: use cfg=1/);
  });

  for (const parallel of [
    "",
    "AUTO",
    "cfg=3",
    "cfg=0",
    "context=0",
    "cfg=2,context=9",
    "cfg=2,cfg=2",
    "cfg=2,",
    "x=1",
    "cfg = 2",
  ]) {
    it(`refuses parallel ${JSON.stringify(parallel)}`, () => {
      assert.match(problemOf({ parallel }), /^parallel ".*" must be "auto" or degrees/);
    });
  }

  const refusals: readonly (readonly [Partial<SubmitBody>, RegExp])[] = [
    [{ idempotencyKey: "" }, /^idempotency_key of 0 characters must have 1 to 256$/],
    [{ idempotencyKey: "k".repeat(257) }, /^idempotency_key of 257 characters must have 1 to 256$/],
    [{ priority: 101 }, /^priority 101 must be an integer from -100 to 100$/],
    [{ priority: -101 }, /^priority -101 must be/],
    [{ labels: { "": "x" } }, /^labels\[""\] must have a name of 1/],
    [{ labels: { x: "y".repeat(257) } }, /^labels\["x"\] must have/],
    [
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ""])) },
      /^labels of 65 entries must have at most 64$/,
    ],
    [{ extraArtifacts: ["9"] }, /^extra_artifacts "9" must be one of video, latents, frames$/],
  ];
  for (const [over, message] of refusals) {
    it(`names field, value and rule: ${message.source}`, () => assert.match(problemOf(over), message));
  }

  it("names every problem, those of the model's gate too", () => {
    const message = problemOf({ prompt: " ", numFrames: 10, priority: 300, parallel: "x" });
    for (const field of ["prompt", "num_frames", "priority", "parallel"]) {
      assert.match(message, new RegExp(`(^|; )${field} `));
    }
  });

  it("keeps an extra artifact once, and the video is none", () => {
    assert.deepEqual(resolve({ extraArtifacts: ["frames", "video", "frames", "latents"] }).extraArtifacts, [
      "latents",
      "frames",
    ]);
  });
});

describe("bodySha256", () => {
  it("is the same for the same body, whatever the order of its labels", () => {
    assert.equal(
      bodySha256(body({ labels: { a: "1", b: "2" } })),
      bodySha256(body({ labels: { b: "2", a: "1" } })),
    );
  });

  it("tells a field that was left out from one that was set to its default", () => {
    assert.notEqual(bodySha256(body()), bodySha256(body({ seed: "0" })));
    assert.notEqual(bodySha256(body()), bodySha256(body({ vaeTiling: false })));
    assert.notEqual(
      bodySha256(body({ guidanceScale: Number.NaN })),
      bodySha256(body({ guidanceScale: Infinity })),
    );
  });
});
