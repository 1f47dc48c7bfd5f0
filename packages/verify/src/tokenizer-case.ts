import { readdir } from "node:fs/promises";
import { ClusterError } from "@cogfleet/core";
import { openTokenizer } from "@cogfleet/model";
import * as z from "zod";
import type { CaseRunner } from "./case-runner.js";
import { claim, compareValues, EXACT } from "./compare.js";

const schema = z.object({
  config: z.object({
    padding: z.literal("max_length"),
    truncation: z.literal(true),
    add_special_tokens: z.literal(true),
  }),
});
const promptsSchema = z.array(z.object({ text: z.string(), max_length: z.number().int().positive() })).min(1);
const idsSchema = z.array(z.object({ ids: z.array(z.number().int()) }));

/** Ids of prompts, for every folder of the case that holds a tokenizer. */
export const tokenizerCase: CaseRunner = async ({ golden, check }, signal) => {
  golden.parse(schema);
  const prompts = await golden.readJson("prompts.json", promptsSchema);
  for (const name of await tokenizersIn(golden.folder)) {
    const tokenizer = await openTokenizer(golden.path(`${name}/tokenizer`), signal);
    const expected = await golden.readJson(`${name}.json`, idsSchema);
    const [many, few] = [prompts.length, expected.length];
    if (many !== few) check(claim(name, false, `${few} expected rows for ${many} prompts`));
    for (const [i, { text, max_length: maxLength }] of prompts.entries()) {
      const { ids } = tokenizer.encode(text, maxLength);
      const wanted = expected[i]?.ids ?? [];
      const padded = [...wanted, ...new Array<number>(Math.max(0, maxLength - wanted.length)).fill(0)];
      check(compareValues(`${name}.${i}`, ids, padded, EXACT));
    }
  }
};

async function tokenizersIn(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true });
  const names = files.flatMap((file) => /^([^/\\]+)[/\\]tokenizer[/\\]spiece\.model$/.exec(file)?.[1] ?? []);
  if (names.length === 0)
    throw new ClusterError("invalid_request", `${folder} has no tokenizer/spiece.model in any folder of it`);
  return names.sort();
}
