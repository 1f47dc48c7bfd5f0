import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { neverAborts, systemClock } from "@cogfleet/core";
import { forgetKept, type Graph, GraphBuilder, type KeptTensor, type Tensor } from "@cogfleet/model";
import type { ComputeRuntime } from "./compute-client.js";
import { parseDevice, type RuntimeOptions } from "./device.js";
import { startProcessRuntime } from "./process-runtime.js";
import { startThreadRuntime } from "./thread-runtime.js";

const OPTIONS: RuntimeOptions = { device: parseDevice("cpu"), precision: "fp32", threads: 1, spin: false };
const folder = mkdtempSync(join(tmpdir(), "cogfleet-ort-"));
after(() => rmSync(folder, { recursive: true }));

function floats(...values: number[]): Tensor {
  return { type: "float32", dims: [values.length], data: Float32Array.from(values) };
}

function doubling(): Graph {
  const graph = new GraphBuilder("doubling", "fp32");
  const x = graph.input("x", ["n"]);
  graph.output("y", graph.node("Add", [x, x]), ["n"]);
  return graph.build();
}

/** Takes some hundred milliseconds a run at n = 1000. */
function slow(): Graph {
  const graph = new GraphBuilder("slow", "fp32");
  const x = graph.input("x", ["n", "n"]);
  let y = x;
  for (let i = 0; i < 12; i++) y = graph.node("MatMul", [y, x]);
  graph.output("y", y, ["n", "n"]);
  return graph.build();
}
const square = (n: number): Tensor => ({ type: "float32", dims: [n, n], data: new Float32Array(n * n) });

/** x + y, and an input that no run may leave empty. */
function sums(): Graph {
  const graph = new GraphBuilder("sums", "fp32");
  const [x, y, one] = [graph.input("x", ["n"]), graph.input("y", ["n"]), graph.input("one", [1])];
  graph.output("sum", graph.node("Add", [x, y]), ["n"]);
  graph.output("one_more", graph.node("Add", [one, one]), [1]);
  return graph.build();
}

function halves(): Graph {
  const graph = new GraphBuilder("halves", "fp16");
  graph.output("y", graph.node("Identity", [graph.input("x", ["n"])]), ["n"]);
  return graph.build();
}

const LARGE = 2 ** 24; // numbers, 64 MiB

/** Needs two large tensors for a moment. */
function wide(): Graph {
  const graph = new GraphBuilder("wide", "fp32");
  const many = graph.node("Expand", [graph.input("x", ["n"]), graph.ints([LARGE])]);
  const sum = graph.node("ReduceSum", [graph.node("Mul", [many, many])], { keepdims: 1 });
  graph.output("y", sum, ["n"]);
  return graph.build();
}

for (const [name, start] of [
  ["the thread runtime", startThreadRuntime],
  ["the process runtime", startProcessRuntime],
] as const) {
  describe(name, () => {
    const started = (t: TestContext, options: RuntimeOptions = OPTIONS): ComputeRuntime => {
      const runtime = start(options);
      t.after(() => runtime.close());
      return runtime;
    };

    it("runs a graph again and again, at any size of a named dimension", async (t) => {
      const session = await started(t).open(doubling(), neverAborts);
      for (const values of [[1, 2, 3], [4]]) {
        const { y } = await session.run({ x: floats(...values) }, neverAborts);
        assert.deepEqual([...(y?.data ?? [])], [...values.map((value) => 2 * value)]);
        assert.deepEqual(y?.dims, [values.length]);
      }
    });

    it("carries NaN, infinities and signed zeros as they are", async (t) => {
      const session = await started(t).open(doubling(), neverAborts);
      const { y } = await session.run({ x: floats(Number.NaN, Infinity, -Infinity, -0) }, neverAborts);
      assert.deepEqual([...(y?.data ?? [])], [Number.NaN, Infinity, -Infinity, -0]);
    });

    it("carries float16 as bits and int64 as bigints", async (t) => {
      const graph = new GraphBuilder("types", "fp16");
      graph.output("h", graph.node("Identity", [graph.input("a", [2])]), [2]);
      graph.output("i", graph.node("Identity", [graph.input("b", [1], "int64")]), [1], "int64");
      const session = await started(t).open(graph.build(), neverAborts);
      const { h, i } = await session.run(
        {
          a: { type: "float16", dims: [2], data: Uint16Array.of(0x3c00, 0x7e01) },
          b: { type: "int64", dims: [1], data: BigInt64Array.of(-5n) },
        },
        neverAborts,
      );
      assert.deepEqual(h?.data, Uint16Array.of(0x3c00, 0x7e01));
      assert.deepEqual(i?.data, BigInt64Array.of(-5n));
    });

    it("gives outputs in buffers of their own, and leaves inputs unless they are given away", async (t) => {
      const session = await started(t).open(doubling(), neverAborts);
      const x = floats(1, 2);
      const { y } = await session.run({ x }, neverAborts);
      assert.equal(y?.data.buffer.byteLength, 8);
      assert.equal(x.data.length, 2);
      await session.run({ x }, neverAborts, { transfer: ["x"] });
      assert.equal(x.data.length, 0);
    });

    it("keeps the caller's event loop free while it computes", async (t) => {
      const session = await started(t).open(slow(), neverAborts);
      let ticks = 0;
      const ticking = setInterval(() => {
        ticks += 1;
      }, 5);
      await session.run({ x: square(700) }, neverAborts);
      clearInterval(ticking);
      assert.ok(ticks >= 3, `${ticks} ticks`);
    });

    it("names the input that does not fit, and goes on", async (t) => {
      const session = await started(t).open(doubling(), neverAborts);
      const int: Tensor = { type: "int32", dims: [1], data: Int32Array.of(1) };
      for (const x of [square(2), int, { ...floats(1, 2), dims: [3] } as Tensor])
        await assert.rejects(session.run({ x }, neverAborts), {
          code: "tensor_mismatch",
          message: /doubling: input x is .* expected float32 \[n\]/,
        });
      await assert.rejects(session.run({}, neverAborts), { code: "tensor_mismatch" });
      await assert.rejects(session.run({ x: floats(1), z: floats(1) }, neverAborts), /has no input z/);
      const { y } = await session.run({ x: floats(2) }, neverAborts);
      assert.equal(y?.data[0], 4);
    });

    it("names graph and shapes when a run fails, and goes on", async (t) => {
      const runtime = started(t);
      const graph = new GraphBuilder("sums", "fp32");
      const [a, b] = [graph.input("a", ["n"]), graph.input("b", ["m"])];
      graph.output("y", graph.node("Add", [a, b]), ["k"]);
      const session = await runtime.open(graph.build(), neverAborts);
      await assert.rejects(session.run({ a: floats(1, 2), b: floats(1, 2, 3) }, neverAborts), {
        code: "internal",
        message: /sums failed on a\[2\] b\[3\]: /,
      });
      const { y } = await session.run({ a: floats(1, 2), b: floats(3) }, neverAborts);
      assert.deepEqual([...(y?.data ?? [])], [4, 5]);
    });

    it("names the graph that cannot be loaded", async (t) => {
      const runtime = started(t);
      const broken: Graph = { ...doubling(), name: "vae.decoder.next", model: Uint8Array.of(1, 2, 3) };
      await assert.rejects(runtime.open(broken, neverAborts), {
        code: "internal",
        message: /^loading vae\.decoder\.next failed: /,
      });
    });

    it("calls weights that are not where the graph says a broken checkpoint", async (t) => {
      const runtime = started(t);
      const file = join(folder, "short.bin");
      writeFileSync(file, new Uint8Array(8));
      for (const wrong of [file, join(folder, "missing.bin")]) {
        const graph = new GraphBuilder("weights", "fp32");
        const ref = { name: "w", type: "float32", dims: [4], file: wrong, offset: 0, bytes: 16 } as const;
        graph.output("y", graph.node("Add", [graph.input("x", [4]), graph.weight(ref)]), [4]);
        await assert.rejects(runtime.open(graph.build(), neverAborts), {
          code: "invalid_checkpoint",
          message: /^loading weights failed: /,
        });
      }
    });

    it("says at start, in one sentence, that the execution provider is missing", async (t) => {
      const runtime = started(t, { ...OPTIONS, device: parseDevice("cuda:1") });
      const missing = {
        code: "unsupported",
        message:
          /^this build of ONNX Runtime has no CUDA provider that works here \(device cuda:1\): lib[^\n]* (are not in|is not in|was not found)[^\n]*scripts\/install-cuda\.sh, docs\/gpu\.md$/,
      };
      await assert.rejects(runtime.ready(neverAborts), missing);
      await assert.rejects(runtime.open(doubling(), neverAborts), missing);
    });

    it("does not start what was aborted before, and drops the result of what is aborted meanwhile", async (t) => {
      const session = await started(t).open(slow(), neverAborts);
      const reason = new Error("enough");
      await assert.rejects(session.run({ x: square(8) }, AbortSignal.abort(reason)), reason);
      const stop = new AbortController();
      const running = session.run({ x: square(600) }, stop.signal);
      stop.abort(reason);
      await assert.rejects(running, reason);
      const { y } = await session.run({ x: square(2) }, neverAborts);
      assert.deepEqual(y?.dims, [2, 2]);
    });

    it("closes in the middle of a run without harm; calls that wait are told", async (t) => {
      const runtime = started(t);
      const session = await runtime.open(slow(), neverAborts);
      const calls = [1, 2, 3].map(() => session.run({ x: square(1200) }, neverAborts));
      const told = Promise.all(calls.map((call) => assert.rejects(call, { code: "cancelled" })));
      await session.run({ x: square(1) }, AbortSignal.timeout(50)).catch(() => {}); // the first one is running now
      await runtime.close();
      await runtime.close();
      await told;
      await session.close();
      await assert.rejects(session.run({ x: square(1) }, neverAborts), { code: "cancelled" });
      await assert.rejects(runtime.open(doubling(), neverAborts), { code: "cancelled" });
    });

    it("runs each of the graphs that were opened together as if it were alone", async (t) => {
      const runtime = started(t);
      const graphs = [doubling(), slow(), sums(), halves()];
      const sessions = await runtime.openTogether("all", graphs, neverAborts);
      const alone = await Promise.all(graphs.map((graph) => runtime.open(graph, neverAborts)));
      const inputs: Readonly<Record<string, Tensor>>[] = [
        { x: floats(1, 2, 3) },
        { x: { ...square(2), data: Float32Array.of(1, 2, 3, 4) } as Tensor },
        { x: floats(5, 6), y: floats(7, 8), one: floats(9) },
        { x: { type: "float16", dims: [1], data: Uint16Array.of(0x3c00) } },
      ];
      for (const i of [3, 0, 2, 1, 0]) {
        const own = inputs[i] ?? {};
        const outputs = await sessions[i]?.run(own, neverAborts);
        assert.deepEqual(outputs, await alone[i]?.run(own, neverAborts));
      }
    });

    it("takes what is given away to a graph among others, and names it in errors", async (t) => {
      const [first, second] = await started(t).openTogether("both", [doubling(), sums()], neverAborts);
      const x = floats(1, 2);
      await assert.rejects(Promise.resolve(second?.run({ x }, neverAborts)), {
        code: "tensor_mismatch",
        message: /^sums: input y is missing/,
      });
      await first?.run({ x }, neverAborts, { transfer: ["x"] });
      assert.equal(x.data.length, 0);
      const y = floats(1, 2, 3);
      const one = floats(1);
      await assert.rejects(Promise.resolve(second?.run({ x: floats(1, 2), y, one }, neverAborts)), {
        code: "internal",
        message: /sums/,
      });
    });

    it("keeps an output until a run takes it, and only once", async (t) => {
      const [first, second] = await started(t).openTogether("both", [doubling(), slow()], neverAborts);
      if (first === undefined || second === undefined) throw new Error("two were opened");
      const { y: kept } = await first.runKeeping({ x: floats(1, 2) }, neverAborts, { keep: ["y"] });
      assert.ok(kept !== undefined && !("data" in kept));
      assert.deepEqual([kept.type, kept.dims], ["float32", [2]]);
      await assert.rejects(second.run({ x: kept }, neverAborts), {
        code: "tensor_mismatch",
        message: /input x is/,
      });
      const { y } = await first.run({ x: kept }, neverAborts, { transfer: ["x"] });
      assert.deepEqual([...(y?.data ?? [])], [4, 8]);
      await assert.rejects(first.run({ x: kept }, neverAborts), {
        code: "internal",
        message: /is not kept here any more/,
      });
      kept.forget();

      const { y: forgotten } = await first.runKeeping({ x: floats(3) }, neverAborts, { keep: ["y"] });
      forgetKept({ forgotten: forgotten as KeptTensor });
      await assert.rejects(first.run({ x: forgotten as KeptTensor }, neverAborts), { code: "internal" });
      assert.deepEqual((await first.run({ x: floats(5) }, neverAborts))["y"], floats(10));
    });

    it("closes graphs that were opened together with the last of them", async (t) => {
      const [first, second] = await started(t).openTogether("both", [doubling(), doubling()], neverAborts);
      await first?.close();
      await first?.close();
      await assert.rejects(Promise.resolve(first?.run({ x: floats(1) }, neverAborts)), { code: "internal" });
      assert.deepEqual((await second?.run({ x: floats(1) }, neverAborts))?.["y"], floats(2));
      await second?.close();
      await assert.rejects(Promise.resolve(second?.run({ x: floats(1) }, neverAborts)), { code: "internal" });
    });

    it("refuses to run a closed session; closing twice is one closing", async (t) => {
      const session = await started(t).open(doubling(), neverAborts);
      await Promise.all([session.close(), session.close()]);
      await assert.rejects(session.run({ x: floats(1) }, neverAborts), { code: "internal" });
    });
  });
}

async function computeProcessOf(parent: number | undefined): Promise<number> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "pid=,args=", "--ppid", String(parent)]);
  const child = stdout.split("\n").find((line) => line.includes("compute-process.js"));
  return Number.parseInt(child ?? "", 10);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a compute process", () => {
  it("fails every call that waits when it dies, with the reason", async (t) => {
    const runtime = startProcessRuntime(OPTIONS);
    t.after(() => runtime.close());
    const session = await runtime.open(slow(), neverAborts);
    const child = await computeProcessOf(process.pid); // which takes longer than a run may
    const running = session.run({ x: square(900) }, neverAborts);
    process.kill(child, "SIGKILL");
    await assert.rejects(running, { code: "worker_lost", message: /compute process was ended by SIGKILL/ });
    await assert.rejects(session.run({ x: square(1) }, neverAborts), { code: "worker_lost" });
  });

  it("ends by itself when its parent is killed", async (t) => {
    const script = `import { startProcessRuntime } from ${JSON.stringify(new URL("./index.js", import.meta.url).href)};
      const options = ${JSON.stringify(OPTIONS)};
      await startProcessRuntime(options).ready(AbortSignal.timeout(60_000));
      process.stdout.write("ready");`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script]);
    t.after(() => parent.kill("SIGKILL"));
    await once(parent.stdout, "data");
    const child = await computeProcessOf(parent.pid);
    parent.kill("SIGKILL");
    const deadline = AbortSignal.timeout(60_000);
    while (isAlive(child)) await systemClock.sleep(20, deadline);
  });
});

describe("parseDevice", () => {
  it("reads each kind of device", () => {
    assert.deepEqual(["cpu", "cuda", "cuda:1", "webgpu"].map(parseDevice), [
      { kind: "cpu", index: 0 },
      { kind: "cuda", index: 0 },
      { kind: "cuda", index: 1 },
      { kind: "webgpu", index: 0 },
    ]);
  });

  it("names the rule for anything else", () => {
    for (const wrong of ["", "gpu", "cuda:", "cuda:x", "cpu:1"])
      assert.throws(() => parseDevice(wrong), {
        code: "invalid_config",
        message: `device must be cpu, cuda, cuda:INDEX or webgpu, got "${wrong}"`,
      });
  });
});

describe("graphs that are opened together", () => {
  it("hold the memory of one", async (t) => {
    const runtime = startThreadRuntime(OPTIONS);
    t.after(() => runtime.close());
    const graphs = Array.from({ length: 8 }, wide);
    const sessions = await runtime.openTogether("all", graphs, neverAborts);
    const before = process.memoryUsage.rss();
    for (const session of sessions) {
      const { y } = await session.run({ x: floats(1) }, neverAborts);
      assert.equal(y?.data[0], LARGE);
    }
    const held = process.memoryUsage.rss() - before;
    assert.ok(held < 3 * 4 * LARGE, `${held / 2 ** 20} MiB are held`);
  });
});

describe("a tensor that is kept", () => {
  it("gives its memory back when it is taken, forgotten, or what an aborted run left", async (t) => {
    const runtime = startThreadRuntime(OPTIONS);
    t.after(() => runtime.close());
    const session = await runtime.open(doubling(), neverAborts);
    const large = (): Tensor => ({ type: "float32", dims: [LARGE], data: new Float32Array(LARGE) });
    const keep = { keep: ["y"], transfer: ["x"] };
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 8; i++) {
      const { y } = await session.runKeeping({ x: large() }, neverAborts, keep);
      if (i % 2 === 0) forgetKept({ y: y as KeptTensor });
      else forgetKept(await session.runKeeping({ x: y as KeptTensor }, neverAborts, keep));
      const stop = new AbortController();
      const aborted = session.runKeeping({ x: large() }, stop.signal, keep);
      stop.abort(new Error("enough"));
      await assert.rejects(aborted, /enough/);
    }
    await session.run({ x: floats(1) }, neverAborts);
    const held = process.memoryUsage.rss() - before;
    assert.ok(held < 6 * 4 * LARGE, `${held / 2 ** 20} MiB are held`);
  });
});
