import { ClusterError } from "@cogfleet/core";
import { openTextEncoder, readTextEncoderFolder, relativeBucket, type StoredTensor } from "@cogfleet/model";
import * as z from "zod";
import { type CaseContext, type CaseRunner, withOpen } from "./case-runner.js";
import { compareTensor, compareValues, EXACT, numbersOf } from "./compare.js";
import { type GoldenCase, tolerance } from "./golden-case.js";

const schema = z.object({ runs: z.array(z.object({ name: z.string() })).min(1), tolerance });
const bucketsSchema = z.record(z.string().regex(/^-?\d+$/), z.number());

/** T5EncoderModel: hidden states of every run, and the buckets of relative positions. */
export const textEncoderCase: CaseRunner = async (context, signal) => {
  const { golden, check } = context;
  await checkTextEncoder(context, golden, golden.path("text_encoder"), "", signal);
  const { config } = await readTextEncoderFolder(golden.path("text_encoder"), signal);
  const buckets = Object.entries(await golden.readJson("buckets.json", bucketsSchema));
  const actual = buckets.map(([position]) =>
    relativeBucket(Number(position), config.relativeAttentionNumBuckets, config.relativeAttentionMaxDistance),
  );
  const expected = buckets.map(([, bucket]) => bucket);
  check(compareValues("buckets", actual, expected, EXACT));
};

/** Runs the encoder in `folder` on the inputs of a T5 case and compares with what that case expects. */
export async function checkTextEncoder(
  { check, textRuntime }: CaseContext,
  t5: GoldenCase,
  folder: string,
  prefix: string,
  signal: AbortSignal,
): Promise<void> {
  const { runs, tolerance: close } = t5.parse(schema);
  const inputs = await t5.inputs("inputs.safetensors", signal);
  const expected = await t5.expected("expected.safetensors", signal);
  const component = await readTextEncoderFolder(folder, signal);
  const opening = openTextEncoder(textRuntime(), component.config, component.weights(), "fp32", signal);
  await withOpen(opening, async (encoder) => {
    for (const { name } of runs) {
      const rows = rowsOf(name, inputs.get(`${name}.input_ids`));
      const data = await encoder.encode(rows, signal);
      const dims = [rows.length, rows[0]?.length ?? 0, component.config.dModel];
      const key = `${name}.last_hidden_state`;
      check(compareTensor(`${prefix}${key}`, { dims, data }, expected.get(key), close));
    }
  });
}

function rowsOf(name: string, ids: StoredTensor): readonly (readonly number[])[] {
  const [batch = 0, length = 0] = ids.shape;
  if (ids.shape.length !== 2)
    throw new ClusterError(
      "invalid_request",
      `${name}.input_ids must be [B, L], got [${ids.shape.join(", ")}]`,
    );
  const values = Array.from(numbersOf(ids));
  return Array.from({ length: batch }, (_, b) => values.slice(b * length, (b + 1) * length));
}
