export type Yaml = string | readonly Yaml[] | { readonly [key: string]: Yaml };

const PLAIN = /^[A-Za-z][\w./-]*$/;
const LITERAL = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/** Enough of YAML to write rules for people: block style; what has quotes or several lines as it is. */
export function toYaml(value: Yaml): string {
  return `${lines(value).join("\n")}\n`;
}

function lines(value: Yaml): string[] {
  if (typeof value === "string") return [scalar(value)];
  if (Array.isArray(value)) {
    return value.flatMap((item: Yaml) => {
      const [first = "", ...rest] = lines(item);
      return [`- ${first}`, ...rest.map((line) => (line === "" ? "" : `  ${line}`))];
    });
  }
  return Object.entries(value).flatMap(([key, item]) => {
    if (typeof item === "string" && /["\n]/.test(item))
      return [`${key}: |-`, ...item.split("\n").map((line) => `  ${line}`)];
    if (typeof item === "string") return [`${key}: ${scalar(item)}`];
    return [`${key}:`, ...lines(item).map((line) => `  ${line}`)];
  });
}

/** Quoted as JSON, which YAML understands, unless it is a plain word. */
function scalar(text: string): string {
  return PLAIN.test(text) && !LITERAL.test(text) ? text : JSON.stringify(text);
}
