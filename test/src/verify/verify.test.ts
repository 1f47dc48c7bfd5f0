import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { type Runtime, readTensors, type StoredTensor, writeSafetensors } from "@cogfleet/model";
import { type CaseResult, HALF_PRECISION_REL_L2, summarize, verify } from "@cogfleet/verify";
import { cpuRuntime } from "../cpu-runtime.js";

const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));
const UNSUPPORTED = ["lora", "pipeline-i2v", "pipeline-i2v-15"];

const runtime = cpuRuntime();
const startRuntime = (): Runtime => ({ ...runtime, close: async () => {} });

async function resultsOf(folder: string): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for await (const result of verify(folder, { startRuntime }, neverAborts)) results.push(result);
  return results;
}

describe("verify", () => {
  it("passes every golden case but those of what is not implemented", async () => {
    const results = await resultsOf(fixtures);
    for (const result of results) {
      const wanted = UNSUPPORTED.includes(result.case) ? "unsupported" : "passed";
      assert.equal(result.status, wanted, JSON.stringify({ ...result, checks: undefined }));
    }
    const { cases, passed, failed, unsupported } = summarize(results);
    assert.deepEqual(
      { cases, passed, failed, unsupported },
      { cases: 18, passed: 15, failed: 0, unsupported: 3 },
    );
    const checks = results.flatMap((result) => (result.status === "passed" ? result.checks : []));
    // Far inside the tolerances: float32 rounding, and vector code's last bits in the noise.
    for (const { name, rel_l2 } of checks.filter((check) => !check.name.endsWith("frames_uint8")))
      assert.ok(rel_l2 < 1e-5, `${name}: ${rel_l2}`);
  });
});

describe("verify over several ranks", () => {
  for (const [name, ranks] of [
    ["transformer-15", 3],
    ["vae", 2],
    ["pipeline-15", 4],
  ] as const)
    it(`passes ${name} over ${ranks}, within the same tolerances`, async () => {
      const set = await mkdtemp(join(tmpdir(), "cogfleet-verify-"));
      try {
        await cp(join(fixtures, name), join(set, name), { recursive: true });
        for await (const result of verify(set, { startRuntime, ranks }, neverAborts))
          assert.equal(result.status, "passed", JSON.stringify({ ...result, checks: undefined }));
      } finally {
        await rm(set, { recursive: true });
      }
    });
});

describe("verify, on copies of cases that were tampered with", () => {
  let root = "";
  let copies = 0;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "cogfleet-verify-"));
  });
  after(() => rm(root, { recursive: true }));

  /** A copy of a case in a set of its own, changed by `tamper`. */
  async function tampered(
    name: string,
    tamper: (folder: string) => Promise<void>,
    others: readonly string[] = [],
  ): Promise<CaseResult> {
    copies += 1;
    const set = join(root, String(copies));
    for (const copied of [name, ...others])
      await cp(join(fixtures, copied), join(set, copied), { recursive: true });
    await tamper(join(set, name));
    const result = (await resultsOf(set)).find((candidate) => candidate.case.startsWith(name));
    assert.ok(result !== undefined);
    return result;
  }

  async function changeTensors(
    file: string,
    change: (tensors: Map<string, StoredTensor>) => void,
  ): Promise<void> {
    const tensors = await readTensors(file, neverAborts);
    change(tensors);
    await writeFile(file, writeSafetensors(Object.fromEntries(tensors)));
  }

  function setValue(tensors: Map<string, StoredTensor>, name: string, value: number): void {
    const data = tensors.get(name)?.data;
    assert.ok(
      data !== undefined && !(data instanceof BigInt64Array) && !(data instanceof BigUint64Array),
      name,
    );
    data[data.length - 1] = value;
  }

  async function changeJson(
    file: string,
    change: (json: ReturnType<typeof JSON.parse>) => void,
  ): Promise<void> {
    const json = JSON.parse(await readFile(file, "utf8"));
    change(json);
    await writeFile(file, JSON.stringify(json));
  }

  function assertFailed(result: CaseResult, error: RegExp): void {
    assert.equal(result.status, "failed");
    assert.match(result.status === "failed" ? result.error : "", error);
  }

  for (const [name, file, tensor, check = tensor] of [
    ["schedulers", "trajectories.safetensors", "dpm.shift3.n4.prev_sample"],
    ["schedulers", "trajectories.safetensors", "dpm.n4.noise", "dpm.shift3.n4.noise"],
    ["schedulers", "alphas_cumprod.safetensors", "shift1", "alphas_cumprod.shift1"],
    ["rng", "randn.safetensors", "s42.bf16.n17"],
    ["rng", "randn.safetensors", "s0.f64.n5"],
    ["rng", "randn.safetensors", "randn_tensor.1"],
    ["transformer-2b", "expected.safetensors", "other_size.sample"],
    ["transformer-5b", "expected.safetensors", "crop_left_half.rotary_sin"],
    ["t5", "expected.safetensors", "length1.last_hidden_state"],
    ["vae", "expected.safetensors", "tiled.sample"],
    ["weights-formats", "expected.safetensors", "bf16.sample"],
    ["pipeline-15", "expected.safetensors", "padded.prompt_embeds"],
    ["pipeline-15", "expected.safetensors", "padded.initial_latents"],
    ["pipeline-15", "expected.safetensors", "not_padded.latents_step1"],
    ["pipeline-15", "expected.safetensors", "not_padded.frames"],
  ] as readonly (readonly [string, string, string, string?])[])
    it(`fails ${name} when a value of ${tensor} is another`, async () => {
      const result = await tampered(
        name,
        (folder) => changeTensors(join(folder, file), (tensors) => setValue(tensors, tensor, 0.123)),
        name === "weights-formats" ? ["t5"] : [],
      );
      assertFailed(result, /^\d+ of \d+ checks failed/);
      const wrong = result.checks.filter(({ ok }) => !ok).map((check) => check.name);
      assert.ok(wrong.includes(check), `${wrong}`);
    });

  type Json = ReturnType<typeof JSON.parse>;
  for (const [name, file, what, change] of [
    ["tokenizer", "unigram.json", "an id more", (json) => json[0].ids.push(7)],
    ["tokenizer", "foreign.json", "a row less", (json) => json.pop()],
    ["t5", "buckets.json", "another bucket", (json) => Object.assign(json, { 5: 6 })],
    ["schedulers", "timesteps.json", "no -1", (json) => Object.assign(json[61].timesteps, { 61: 0 })],
    ["schedulers", "draws.json", "a draw less", (json) => Object.assign(json[28], { 27: 1 })],
    [
      "schedulers",
      "dynamic_cfg.json",
      "another scale",
      (json) => Object.assign(json[0].guidance_at, { 3: 6.42 }),
    ],
    ["schedulers", "dynamic_cfg.json", "a request less", (json) => json.pop()],
    ["rng", "large.json", "a draw less", (json) => json.pop()],
    ["transformer-15", "case.json", "a run among the errors", (json) => json.errors.push({ name: "native" })],
    ["rng", "large.json", "another value", (json) => Object.assign(json[0].values, { 63: 0 })],
    ["pipeline-15", "tokens.json", "an id less", (json) => json.padded.input_ids[0].splice(3, 1)],
    ["pipeline-15", "tokens.json", "a draw less", (json) => json.padded.draws.pop()],
    [
      "pipeline-15",
      "tokens.json",
      "another scale",
      (json) => Object.assign(json.padded.guidance_scales, { 1: 5 }),
    ],
    [
      "pipeline-15",
      "tokens.json",
      "no guidance",
      (json) => Object.assign(json.padded, { negative_input_ids: null }),
    ],
  ] as readonly (readonly [string, string, string, (json: Json) => void])[])
    it(`fails ${name} when ${file} has ${what}`, async () => {
      const result = await tampered(name, (folder) => changeJson(join(folder, file), change));
      assertFailed(result, /of \d+ checks failed/);
    });

  it("fails when 8-bit frames are off by a level that is no matter of rounding", async () => {
    const result = await tampered("pipeline-15", (folder) =>
      changeTensors(join(folder, "expected.safetensors"), (tensors) => {
        const data = tensors.get("padded.frames_uint8")?.data;
        assert.ok(data instanceof Uint8Array);
        for (const [i, level] of data.entries()) data[i] = level === 255 ? 254 : level + 1;
      }),
    );
    assertFailed(result, /frames_uint8: value \d+ is \d+, expected \d+: not a matter of rounding/);
  });

  it("fails when a run that diffusers refuses is one that can be computed", async () => {
    const result = await tampered("transformer-2b", async (folder) => {
      await changeTensors(join(folder, "inputs.safetensors"), (tensors) => {
        for (const what of ["hidden_states", "encoder_hidden_states", "timestep"])
          tensors.set(`short_text.${what}`, tensors.get(`native.${what}`) as StoredTensor);
      });
    });
    assertFailed(result, /short_text\.refused: was computed/);
  });

  it("fails when an expected tensor is missing", async () => {
    const result = await tampered("transformer-2b", (folder) =>
      changeTensors(join(folder, "expected.safetensors"), (tensors) => tensors.delete("native.sample")),
    );
    assertFailed(result, /has no tensor native\.sample/);
  });

  it("fails when an expected tensor belongs to no run", async () => {
    const result = await tampered("transformer-2b", async (folder) => {
      await changeJson(join(folder, "case.json"), (json) => json.runs.pop());
    });
    assertFailed(result, /1 expected tensors were not compared .* other_size\.sample/);
  });

  it("fails on NaN: expected, computed from the weights, or computed in a step", async () => {
    const name = "transformer-2b";
    const expected = await tampered(name, (folder) =>
      changeTensors(join(folder, "expected.safetensors"), (tensors) =>
        setValue(tensors, "native.sample", Number.NaN),
      ),
    );
    assertFailed(expected, /the expected value \d+ is NaN/);
    const computed = await tampered(name, (folder) =>
      changeTensors(join(folder, "transformer", "diffusion_pytorch_model.safetensors"), (tensors) =>
        setValue(tensors, "proj_out.bias", Number.NaN),
      ),
    );
    assertFailed(computed, /value \d+ is NaN/);
    const step = await tampered("pipeline-15", (folder) =>
      changeTensors(join(folder, "model", "transformer", "diffusion_pytorch_model.safetensors"), (tensors) =>
        setValue(tensors, "proj_out.bias", Number.NaN),
      ),
    );
    assertFailed(step, /NaN or infinity after step 1 of 3/);
  });

  it("fails a broken case with what is wrong, and goes on with the others", async () => {
    const set = join(root, "broken");
    for (const name of ["t5", "tokenizer"])
      await cp(join(fixtures, name), join(set, name), { recursive: true });
    await mkdir(join(set, "cut"));
    await writeFile(join(set, "cut", "case.json"), '{"class": "T5Enc');
    await mkdir(join(set, "empty"));
    await writeFile(join(set, "empty", "case.json"), "{}");
    await mkdir(join(set, "no-files"));
    await cp(join(fixtures, "schedulers", "case.json"), join(set, "no-files", "case.json"));
    await mkdir(join(set, "new"));
    await writeFile(join(set, "new", "case.json"), '{"class": "WanTransformer3DModel"}');
    await rm(join(set, "t5", "text_encoder", "model.safetensors"));
    const results = await resultsOf(set);
    const told = results.map((result) => [
      result.case,
      result.status,
      result.status === "failed" ? result.error.replaceAll(set, "") : "",
    ]);
    assert.deepEqual(
      told.map(([name, status]) => `${name} ${status}`),
      ["cut failed", "empty failed", "new unsupported", "no-files failed", "t5 failed", "tokenizer passed"],
    );
    const error = (name: string): string => told.find(([candidate]) => candidate === name)?.[2] ?? "";
    assert.match(error("cut"), /case\.json is not JSON/);
    assert.match(error("empty"), /case\.json: class: /);
    assert.match(error("no-files"), /inputs\.safetensors is missing/);
    assert.match(error("t5"), /text_encoder/);
  });

  it("fails a case that compares nothing", async () => {
    const result = await tampered("tokenizer", async (folder) => {
      await writeFile(join(folder, "prompts.json"), "[]");
    });
    assertFailed(result, /prompts\.json/);
  });

  it("goes by what case.json says, not by the folder's name", async () => {
    const set = join(root, "renamed");
    for (const name of ["transformer-15", "weights-formats", "t5"])
      await cp(join(fixtures, name), join(set, "deep", `my ${name}`), { recursive: true });
    await rename(join(set, "deep", "my t5"), join(set, "somewhere else"));
    const results = await resultsOf(set);
    assert.deepEqual(
      results.map((result) => [result.case, result.status]),
      [
        ["deep/my transformer-15", "passed"],
        ["deep/my weights-formats", "passed"],
        ["somewhere else", "passed"],
      ],
    );
  });

  it("fails a case that leans on one that is not there", async () => {
    assertFailed(await tampered("weights-formats", async () => {}), /leans on case t5/);
  });

  it("compares norms in 16 bits, and leaves the text encoder in float32", async () => {
    const set = await mkdtemp(join(tmpdir(), "cogfleet-verify-"));
    try {
      for (const name of ["transformer-2b", "t5"])
        await cp(join(fixtures, name), join(set, name), { recursive: true });
      const results: CaseResult[] = [];
      const texts = { opened: 0 };
      const startTextRuntime = (): Runtime => ({
        async open(graph, signal) {
          texts.opened += 1;
          return runtime.open(graph, signal);
        },
        openTogether: runtime.openTogether,
        close: async () => {},
      });
      const options = { startRuntime, startTextRuntime, precision: "fp16" } as const;
      for await (const result of verify(set, options, neverAborts)) results.push(result);
      const [t5, transformer] = results;
      assert.equal(t5?.status, "passed");
      assert.equal(texts.opened, 1);
      assert.ok(
        t5?.checks.every(({ rel_l2, rel_l2_allowed }) => rel_l2 < 1e-5 && rel_l2_allowed === undefined),
      );
      assert.equal(transformer?.status, "passed");
      const sample = transformer?.checks.find(({ name }) => name === "native.sample");
      assert.equal(sample?.rel_l2_allowed, HALF_PRECISION_REL_L2.fp16);
      assert.ok(
        sample !== undefined && sample.max_abs > sample.atol,
        "16 bits differ by more than float32 may",
      );
    } finally {
      await rm(set, { recursive: true });
    }
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const results = verify(fixtures, { startRuntime }, stop.signal);
    await results.next();
    stop.abort(new ClusterError("cancelled", "enough"));
    await assert.rejects(results.next(), { code: "cancelled" });
  });

  it("refuses a folder without cases", async () => {
    await assert.rejects(resultsOf(join(fixtures, "t5", "text_encoder")), { code: "invalid_request" });
  });
});
