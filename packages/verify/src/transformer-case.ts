// B batch, F frames, C channels, H W latent rows and columns, L text tokens.
import { ClusterError } from "@cogfleet/core";
import {
  type Component,
  floatsOf,
  openTransformer,
  positionInputs,
  readTransformerFolder,
  type StoredTensor,
  type Tensor,
  type Transformer,
  type TransformerConfig,
} from "@cogfleet/model";
import * as z from "zod";
import { type CaseContext, type CaseRunner, withOpen } from "./case-runner.js";
import { claim, compareTensor, numbersOf } from "./compare.js";
import { type GoldenTensors, tolerance } from "./golden-case.js";
import { toleranceIn } from "./precision.js";
import { openTransformerOnRanks } from "./sharded-components.js";

const named = z.object({ name: z.string() });
const schema = z.object({
  runs: z.array(named).min(1),
  errors: z.array(named).default([]),
  tolerance,
});

/** CogVideoXTransformer3DModel: the sample of every run, its rotary tables, and the runs that have to be refused. */
export const transformerCase: CaseRunner = async (context, signal) => {
  const { golden, check } = context;
  const { runs, errors, tolerance: close } = golden.parse(schema);
  const inputs = await golden.inputs("inputs.safetensors", signal);
  const expected = await golden.expected("expected.safetensors", signal);
  const component = await readTransformerFolder(golden.path("transformer"), signal);
  const closeInPrecision = toleranceIn(context.precision, close);
  await withTransformer(component, context, signal, async (transformer) => {
    for (const { name } of runs) {
      const sample = await forward(transformer, component.config, inputs, name, signal);
      check(compareTensor(`${name}.sample`, sample, expected.get(`${name}.sample`), closeInPrecision));
      for (const table of ["rotary_cos", "rotary_sin"] as const) {
        if (!component.config.useRotaryPositionalEmbeddings) continue;
        const rows = rotaryTable(component.config, inputs, name, table);
        check(compareTensor(`${name}.${table}`, rows, expected.get(`${name}.${table}`), close));
      }
    }
    if (errors.length === 0) return;
    const refused = await golden.readJson("errors.json", z.array(named));
    for (const name of new Set([...errors, ...refused].map((run) => run.name))) {
      const outcome = await forward(transformer, component.config, inputs, name, signal).then(
        () => "was computed",
        (reason: unknown) => refusalOf(reason),
      );
      check(claim(`${name}.refused`, outcome === "refused", `${outcome}, though diffusers refuses it`));
    }
  });
};

/** A size that does not fit is refused as such; anything else that goes wrong is not a refusal. */
function refusalOf(reason: unknown): string {
  const { code, message } = ClusterError.from(reason);
  return code === "invalid_request" || code === "tensor_mismatch" ? "refused" : `failed: ${message}`;
}

/** Opens a transformer for the time of `use`. */
export function withTransformer(
  component: Component<TransformerConfig>,
  { runtime, precision, ranks }: Pick<CaseContext, "runtime" | "precision" | "ranks">,
  signal: AbortSignal,
  use: (transformer: Transformer) => Promise<void>,
): Promise<void> {
  const parts = [runtime(), component.config, component.weights(), precision, signal] as const;
  return withOpen(ranks === 1 ? openTransformer(...parts) : openTransformerOnRanks(ranks, ...parts), use);
}

/** One forward pass on stored inputs: float32 [B, F, C_out, H, W]. */
export async function forward(
  transformer: Transformer,
  config: TransformerConfig,
  inputs: GoldenTensors,
  run: string,
  signal: AbortSignal,
): Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }> {
  const { batch, frames, height, width } = sizeOf(inputs, run);
  const ofs = config.ofsEmbedDim === null ? undefined : numbersOf(inputs.get(`${run}.ofs`))[0];
  const data = await transformer.forward(
    {
      batch,
      frames,
      height,
      width,
      hiddenStates: floatsOf(inputs.get(`${run}.hidden_states`)).slice(),
      encoderHiddenStates: floatsOf(inputs.get(`${run}.encoder_hidden_states`)).slice(),
      timestep: Array.from(numbersOf(inputs.get(`${run}.timestep`))),
      ofs,
    },
    signal,
  );
  return { dims: [batch, frames, config.outChannels, height, width], data };
}

/** The rotary table of the video tokens as diffusers has it, each value twice: [S, head_dim]. */
function rotaryTable(
  config: TransformerConfig,
  inputs: GoldenTensors,
  run: string,
  table: "rotary_cos" | "rotary_sin",
): { readonly dims: readonly number[]; readonly data: Float32Array } {
  const size = sizeOf(inputs, run);
  const rows: Tensor | undefined = positionInputs(config, size)[table];
  if (rows?.type !== "float32") throw new ClusterError("internal", `the transformer has no ${table}`);
  const half = config.attentionHeadDim / 2;
  const video = rows.data.subarray(size.textTokens * half);
  const data = Float32Array.from({ length: video.length * 2 }, (_, i) => video[i >> 1] as number);
  return { dims: [video.length / half, config.attentionHeadDim], data };
}

function sizeOf(inputs: GoldenTensors, run: string) {
  const [batch, frames, , height, width] = fiveOf(`${run}.hidden_states`, inputs.get(`${run}.hidden_states`));
  const textTokens = inputs.get(`${run}.encoder_hidden_states`).shape[1] ?? 0;
  return { batch, frames, height, width, textTokens };
}

/** The five dims of a tensor that must have as many. */
export function fiveOf(
  name: string,
  { shape }: StoredTensor,
): readonly [number, number, number, number, number] {
  const [a, b, c, d, e] = shape;
  if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined)
    throw new ClusterError("invalid_request", `${name} must have five dimensions, got [${shape.join(", ")}]`);
  return [a, b, c, d, e];
}
