// A fresh process that loads one stage, computes it, and tells its parent by how much its memory grew for that.
//   node measured-stage.js denoise|decode FILE      FILE has the values of every weight, from its beginning on
import { readFileSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { neverAborts } from "@cogfleet/core";
import {
  elements,
  openTransformer,
  openVaeDecoder,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
  type Stage,
  stageMemory,
  type Weights,
} from "@cogfleet/model";
import { startThreadRuntime } from "@cogfleet/ort";

export interface MeasuredStage {
  readonly grownBytes: number;
  /** As `stageMemory` has it. */
  readonly activationBytes: number;
}

type Latents = Readonly<Record<"frames" | "height" | "width", number>>;

const TEXT_TOKENS = 16;
const SMALLEST: Latents = { frames: 1, height: 4, width: 4 };
const MEASURED: Readonly<Record<string, Latents>> = {
  denoise: { frames: 7, height: 48, width: 48 },
  decode: { frames: 4, height: 20, width: 20 },
};

const configs = {
  transformer: parseTransformerConfig("transformer", {
    num_layers: 1,
    num_attention_heads: 8,
    text_embed_dim: 64,
    use_rotary_positional_embeddings: true,
  }),
  vae: parseVaeConfig("vae", {
    block_out_channels: [32, 64, 64, 128],
    norm_num_groups: 4,
    layers_per_block: 1,
  }),
  textEncoder: parseT5Config("text_encoder", { feed_forward_proj: "gated-gelu" }),
};

const [stage, file] = process.argv.slice(2) as [Stage, string];
const weights: Weights = {
  get: (name, dims) => ({ name, type: "float32", dims, file, offset: 0, bytes: 4 * elements(dims) }),
  has: () => true,
  requireAllUsed: () => {},
};
const device = { kind: "cpu", index: 0 } as const;
const runtime = startThreadRuntime({ device, precision: "fp32", threads: 1, spin: false });

async function openStage(): Promise<(latents: Latents) => Promise<unknown>> {
  const some = (count: number): Float32Array<ArrayBuffer> => new Float32Array(count).map(Math.sin);
  if (stage === "decode") {
    const { decode } = await openVaeDecoder(runtime, configs.vae, weights, "fp32", neverAborts);
    return (size) => {
      const latents = some(configs.vae.latentChannels * size.frames * size.height * size.width);
      return decode(latents, size, { tiling: false }, neverAborts);
    };
  }
  const { forward } = await openTransformer(runtime, configs.transformer, weights, "fp32", neverAborts);
  const { inChannels, textEmbedDim } = configs.transformer;
  return (size) =>
    forward(
      {
        ...size,
        batch: 2,
        hiddenStates: some(2 * inChannels * size.frames * size.height * size.width),
        encoderHiddenStates: some(2 * TEXT_TOKENS * textEmbedDim),
        timestep: [500, 500],
      },
      neverAborts,
    );
}

/** Bytes of this process alone: not those of files that are mapped. */
function anonymousBytes(): number {
  return 1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

const compute = await openStage();
await compute(SMALLEST); // what any size takes is there already
const latents = MEASURED[stage] as Latents;
const loaded = anonymousBytes();
let peak = loaded;
let isDone = false;
const computing = compute(latents).finally(() => {
  isDone = true;
});
while (!isDone) {
  await setImmediate(); // it is another thread that computes
  peak = Math.max(peak, anonymousBytes());
}
await computing;

const numFrames = (latents.frames - 1) * configs.vae.temporalCompressionRatio + 1;
const shape = { numFrames, height: 8 * latents.height, width: 8 * latents.width, textTokens: TEXT_TOKENS };
const estimate = stageMemory(configs, shape, "fp32").find((entry) => entry.stage === stage);
process.send?.({
  grownBytes: peak - loaded,
  activationBytes: estimate?.activationBytes ?? 0,
} satisfies MeasuredStage);
await runtime.close();
