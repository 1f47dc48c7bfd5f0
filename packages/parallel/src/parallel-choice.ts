/** The degrees that a user pins. What is left out is the planner's choice. */
export interface ParallelChoice {
  readonly cfg?: 1 | 2;
  readonly context?: number;
}

export const MAX_CONTEXT_DEGREE = 1024;

/** What a text of degrees must be, for messages. */
export const PARALLEL_RULE =
  `must be "auto" or degrees such as "cfg=2,context=2" ` +
  `(cfg 1 or 2, context 1 to ${MAX_CONTEXT_DEGREE}, each at most once)`;

/** Reads "auto" or degrees such as "cfg=2,context=2"; undefined when the text breaks `PARALLEL_RULE`. */
export function parseParallel(text: string): ParallelChoice | undefined {
  if (text === "auto") return {};
  const choice: { cfg?: 1 | 2; context?: number } = {};
  for (const part of text.split(",")) {
    const [, name, digits] = /^(cfg|context)=([1-9]\d{0,3})$/.exec(part) ?? [];
    const degree = Number(digits);
    if (name === "cfg" && choice.cfg === undefined && (degree === 1 || degree === 2)) choice.cfg = degree;
    else if (name === "context" && choice.context === undefined && degree <= MAX_CONTEXT_DEGREE)
      choice.context = degree;
    else return undefined;
  }
  return choice;
}

/** The degrees of a plan, as `parseParallel` reads them. */
export function showParallel({ cfg, context }: Required<ParallelChoice>): string {
  return `cfg=${cfg},context=${context}`;
}
