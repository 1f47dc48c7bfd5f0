import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import {
  type Attended,
  afterAttention,
  attend,
  beforeAttention,
  GraphBuilder,
  innerDim,
  lengths,
  patchify,
  positionInputs,
  readTransformerFolder,
  requireWeightsUsed,
  rotaryInputs,
  type Session,
  type Streams,
  sampleOutput,
  type Tensor,
  type TransformerContext,
  timestepSinusoid,
  transformerInputs,
  unpatchify,
  type Value,
} from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

const runtime = cpuRuntime();

type Tensors = Readonly<Record<string, Tensor>>;

function floats(data: Float32Array, dims: readonly number[]): Tensor {
  return { type: "float32", data, dims };
}

/** Elements [from, to) of an axis. */
function slice({ dims, ...tensor }: Tensor, axis: number, from: number, to: number): Tensor {
  assert.equal(tensor.type, "float32");
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = (dims[axis] as number) * inner;
  const rows = Array.from({ length: tensor.data.length / length }, (_, i) =>
    (tensor.data as Float32Array).subarray(i * length + from * inner, i * length + to * inner),
  );
  const data = new Float32Array(rows.flatMap((row) => [...row]));
  return floats(
    data,
    dims.map((dim, i) => (i === axis ? to - from : dim)),
  );
}

/** Tensors joined along an axis. */
function join2(a: Tensor, b: Tensor, axis: number): Tensor {
  const outer = a.dims.slice(0, axis).reduce((x, y) => x * y, 1);
  const [rowA, rowB] = [a.data.length / outer, b.data.length / outer];
  const data = new Float32Array(a.data.length + b.data.length);
  for (let i = 0; i < outer; i++) {
    data.set((a.data as Float32Array).subarray(i * rowA, (i + 1) * rowA), i * (rowA + rowB));
    data.set((b.data as Float32Array).subarray(i * rowB, (i + 1) * rowB), i * (rowA + rowB) + rowA);
  }
  return floats(
    data,
    a.dims.map((dim, i) => dim + (i === axis ? (b.dims[axis] as number) : 0)),
  );
}

describe("the transformer cut at every exchange of tokens for heads", () => {
  it("gives the golden output from two ranks with unequal rows and heads, one of them without text", async () => {
    const folder = join(FIXTURES, "transformer-5b");
    const { config, weights: open } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
    const weights = open();
    const D = innerDim(config);
    const E = config.timeEmbedDim;
    const headDim = config.attentionHeadDim;

    // What one segment gives as next.NAME, the following one takes as NAME.
    const ports = (g: GraphBuilder): Streams => ({
      text: g.input("text", ["B", "S_t", D]),
      video: g.input("video", ["B", "S_v", D]),
    });
    const give = (g: GraphBuilder, values: Readonly<Record<string, Value>>): void => {
      for (const [name, value] of Object.entries(values)) g.output(name, value, ["B", "rows", "columns"]);
    };
    const giveCut = (g: GraphBuilder, x: Streams, gates: Streams, { q, k, v }: Attended): void =>
      give(g, {
        "next.text": x.text,
        "next.video": x.video,
        "next.gate.text": gates.text,
        "next.gate.video": gates.video,
        q,
        k,
        v,
      });
    const segment = (name: string, body: (m: TransformerContext) => void): Promise<Session> => {
      const m = { g: new GraphBuilder(name, "fp32"), weights, config };
      body(m);
      return runtime.open(m.g.build(), neverAborts);
    };

    // Own rows up to the first exchange; between two exchanges; after the last one.
    const ownRows: Session[] = [];
    for (let cut = 0; cut <= config.numLayers; cut++)
      ownRows.push(
        await segment(`own-rows-${cut}`, (m) => {
          const { g } = m;
          if (cut === 0) {
            const { x, time, rotary } = transformerInputs(m);
            const { attended, gates } = beforeAttention(m, 0, x, time, rotary, lengths(m, x));
            g.output("time", time, ["B", E]);
            return giveCut(g, x, gates, attended);
          }
          const before = ports(g);
          const time = g.input("time", ["B", E]);
          const n = lengths(m, before);
          const gates = {
            text: g.input("gate.text", ["B", 1, D]),
            video: g.input("gate.video", ["B", 1, D]),
          };
          const x = afterAttention(m, cut - 1, before, g.input("attention", ["B", "S", D]), gates, time, n);
          if (cut === config.numLayers) return sampleOutput(m, x.video, time);
          const next = beforeAttention(m, cut, x, time, rotaryInputs(m), n);
          giveCut(g, x, next.gates, next.attended);
        }),
      );
    requireWeightsUsed(config, weights);
    const attention = (heads: number): Promise<Session> =>
      segment(`own-heads-${heads}`, (m) => {
        const port = (name: string): Value => m.g.input(name, ["B", "S", heads * headDim]);
        give(m.g, { attention: attend(m, { q: port("q"), k: port("k"), v: port("v") }, heads) });
      });
    const ownHeads = [await attention(1), await attention(3)];

    const run = readJson<{
      readonly runs: readonly {
        name: string;
        batch: number;
        frames: number;
        height: number;
        width: number;
      }[];
    }>("transformer-5b", "case.json").runs.find(({ name }) => name === "native");
    assert.ok(run !== undefined);
    const inputs = await readFloats("transformer-5b", "inputs.safetensors");
    const expected = await readFloats("transformer-5b", "expected.safetensors");
    const shape = { ...run, channels: config.inChannels };
    const patch = { p: config.patchSize, pT: 1 };
    const text = inputs("native.encoder_hidden_states");
    const textTokens = text.length / run.batch / config.textEmbedDim;
    const video = patchify(inputs("native.hidden_states"), shape, patch);
    const features = config.inChannels * patch.p ** 2;
    const videoTokens = video.length / run.batch / features;
    const { rotary_cos: cos, rotary_sin: sin } = positionInputs(config, { ...run, textTokens });
    assert.ok(cos !== undefined && sin !== undefined);
    const mine = 21; // video rows of rank 0, beside the text
    const S = textTokens + videoTokens;
    const shares: readonly Readonly<Record<"text" | "video" | "rows", readonly [number, number]>>[] = [
      { text: [0, textTokens], video: [0, mine], rows: [0, textTokens + mine] },
      { text: [0, 0], video: [mine, videoTokens], rows: [textTokens + mine, S] },
    ];

    const state: Tensors[] = [];
    for (const [rank, share] of shares.entries()) {
      const outputs = await (ownRows[0] as Session).run(
        {
          hidden_states: slice(floats(video, [run.batch, videoTokens, features]), 1, ...share.video),
          encoder_hidden_states: slice(
            floats(text, [run.batch, textTokens, config.textEmbedDim]),
            1,
            ...share.text,
          ),
          time_sinusoid: floats(timestepSinusoid([999, 979], D, config), [2, D]),
          rotary_cos: slice(cos, 0, ...share.rows),
          rotary_sin: slice(sin, 0, ...share.rows),
        },
        neverAborts,
      );
      state[rank] = outputs;
    }
    for (let cut = 1; cut <= config.numLayers; cut++) {
      const of = (rank: number, name: string): Tensor => state[rank]?.[name] as Tensor;
      const joint = (name: string): Tensor => join2(of(0, name), of(1, name), 1);
      const heads: readonly (readonly [number, number])[] = [
        [0, headDim],
        [headDim, D],
      ];
      const attended: Tensor[] = [];
      for (const [rank, columns] of heads.entries()) {
        const own = Object.fromEntries(
          ["q", "k", "v"].map((name) => [name, slice(joint(name), 2, ...columns)]),
        );
        const { attention: rows } = await (ownHeads[rank] as Session).run(own, neverAborts);
        attended.push(rows as Tensor);
      }
      const whole = join2(attended[0] as Tensor, attended[1] as Tensor, 2);
      for (const [rank, share] of shares.entries()) {
        const isLast = cut === config.numLayers;
        const before = state[rank] as Tensors;
        const { time } = before as { readonly time?: Tensor };
        const kept = Object.entries(before).filter(([name]) => name.startsWith("next."));
        const next = await (ownRows[cut] as Session).run(
          {
            ...Object.fromEntries(kept.map(([name, tensor]) => [name.slice("next.".length), tensor])),
            time: time as Tensor,
            attention: slice(whole, 1, ...share.rows),
            ...(isLast
              ? {}
              : { rotary_cos: slice(cos, 0, ...share.rows), rotary_sin: slice(sin, 0, ...share.rows) }),
          },
          neverAborts,
        );
        state[rank] = { ...next, time: time as Tensor };
      }
    }

    const sample = new Float32Array(expected("native.sample").length);
    for (const [rank, share] of shares.entries()) {
      const range = { from: share.video[0], to: share.video[1] };
      const { sample: rows } = state[rank] as { readonly sample?: Tensor };
      unpatchify(
        rows?.data as Float32Array,
        sample,
        { ...shape, channels: config.outChannels },
        patch,
        range,
      );
    }
    assertClose(sample, expected("native.sample"), 6e-5);
  });
});
