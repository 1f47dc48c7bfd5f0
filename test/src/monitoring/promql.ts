import { parser } from "@prometheus-io/lezer-promql";

export interface LabelMatcher {
  readonly label: string;
  readonly how: string;
  readonly value: string;
}

/** What an expression asks for. */
interface PromqlNames {
  readonly selectors: readonly { readonly name: string; readonly matchers: readonly LabelMatcher[] }[];
  /** Labels of by (...), on (...) and the like. */
  readonly groupings: readonly string[];
}

/** Reads an expression with the grammar that Prometheus' own page uses. Throws where it does not parse. */
export function readPromql(expr: string): PromqlNames {
  const selectors: { name: string; matchers: LabelMatcher[] }[] = [];
  const groupings: string[] = [];
  let open: Partial<LabelMatcher> = {};
  parser.parse(expr).iterate({
    enter(node) {
      const text = (): string => expr.slice(node.from, node.to);
      if (node.type.isError)
        throw new Error(
          `not PromQL at ${node.from}: ${expr.slice(0, node.from)}<here>${expr.slice(node.from)}`,
        );
      const parent = node.node.parent?.name;
      if (node.name === "VectorSelector") selectors.push({ name: "", matchers: [] });
      const last = selectors.at(-1);
      if (node.name === "Identifier" && parent === "VectorSelector" && last) last.name = text();
      if (node.name === "LabelName" && parent === "GroupingLabels") groupings.push(text());
      if (parent !== "UnquotedLabelMatcher") return;
      if (node.name === "LabelName") open = { label: text() };
      if (node.name === "MatchOp") open = { ...open, how: text() };
      if (node.name === "StringLiteral")
        last?.matchers.push({ label: "", how: "", ...open, value: text().slice(1, -1) });
    },
  });
  return { selectors, groupings };
}

/** Whether a series with this value of the label is selected. */
export function selects({ how, value }: LabelMatcher, seen: string | undefined): boolean {
  const isSo = how.endsWith("~") ? new RegExp(`^(?:${value})$`).test(seen ?? "") : seen === value;
  return how === "!=" || how === "!~" ? !isSo : isSo;
}
