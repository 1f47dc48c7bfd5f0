import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

interface OpenApi {
  readonly components: { readonly schemas: { readonly [name: string]: JsonObject } };
}

interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Writes a strict JSON schema of every kind that a Kubernetes API server knows, custom resources too, as kubeconform
 * reads them: fields that the server does not know are errors.
 * @param read the server's answer to GET path
 */
export async function writeSchemas(folder: string, read: (path: string) => Promise<string>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const index: { paths: Record<string, { serverRelativeURL: string }> } = JSON.parse(
    await read("/openapi/v3"),
  );
  const groups = Object.entries(index.paths).filter(([path]) => /^apis?\/(.*\/)?v\d/.test(path));
  for (const [, { serverRelativeURL }] of groups) {
    const { components }: OpenApi = JSON.parse(await read(serverRelativeURL));
    if (components === undefined) continue;
    const schemas = Object.fromEntries(
      Object.entries(components.schemas).map(([name, schema]) => [name, strict(schema)]),
    );
    for (const [name, schema] of Object.entries(components.schemas))
      for (const kind of kindsOf(schema)) {
        const file = {
          $schema: "http://json-schema.org/draft-07/schema#",
          allOf: [{ $ref: `#/components/schemas/${name}` }],
          components: { schemas },
        };
        writeFileSync(join(folder, fileName(kind)), JSON.stringify(file));
      }
  }
}

/** As kubeconform's template {{ .ResourceKind }}{{ .KindSuffix }} names it. */
function fileName({ group, version, kind }: KindName): string {
  const [first] = group.split(".");
  return `${[kind, ...(first ? [first] : []), version].join("-").toLowerCase()}.json`;
}

function kindsOf(schema: JsonObject): readonly KindName[] {
  const kinds = schema["x-kubernetes-group-version-kind"];
  return Array.isArray(kinds) ? (kinds as readonly KindName[]) : [];
}

/** The schema with what OpenAPI says in ways of its own said in JSON schema, and unknown fields refused. */
function strict(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const given = schema as JsonObject;
  if (given["x-kubernetes-int-or-string"] === true || given["format"] === "int-or-string")
    return { type: ["string", "integer"] };
  const kept = Object.entries(given).filter(([key]) => !key.startsWith("x-") && !DROPPED.has(key));
  const result = Object.fromEntries(
    kept.map(([key, value]) => [key, MAPS.has(key) ? mapped(value) : strict(value)]),
  );
  const isOpen = given["x-kubernetes-preserve-unknown-fields"] === true;
  if (given["properties"] !== undefined && given["additionalProperties"] === undefined && !isOpen)
    result["additionalProperties"] = false;
  return given["nullable"] === true ? { anyOf: [result, { type: "null" }] } : result;
}

// `format` has names that JSON schema does not know, `default` and `description` say nothing about validity.
const DROPPED = new Set(["format", "default", "description", "nullable", "example"]);
const MAPS = new Set(["properties", "patternProperties"]);

function mapped(schemas: Json): Json {
  return Object.fromEntries(
    Object.entries(schemas as JsonObject).map(([name, value]) => [name, strict(value)]),
  );
}
