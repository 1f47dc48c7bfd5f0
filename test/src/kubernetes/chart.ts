import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { findTool, inRepository, output } from "../clients/tool.js";

export const CHART = inRepository("deploy/k8s");

/** The values of one way to install the chart: deploy/k8s/ci/NAME-values.yaml. */
export interface Scenario {
  readonly name: string;
  readonly file: string;
}

export const SCENARIOS: readonly Scenario[] = readdirSync(join(CHART, "ci")).map((file) => ({
  name: file.replace(/-values\.yaml$/, ""),
  file: join(CHART, "ci", file),
}));

/** A Kubernetes object, as far as the tests look into it. */
export interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: PodTemplate;
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    readonly leaderWorkerTemplate?: { readonly workerTemplate: PodTemplate };
  };
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly Container[]; readonly volumes?: readonly object[] };
}

/** A pod, as far as running it goes. */
export interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly Container[] };
}

export interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

export function helm(...args: readonly string[]): Promise<string> {
  return output(findTool("helm"), args);
}

/** The chart's objects as YAML. */
export function renderText(...args: readonly string[]): Promise<string> {
  return renderRelease("video", ...args);
}

/** The same, in this namespace. */
export function renderRelease(namespace: string, ...args: readonly string[]): Promise<string> {
  return helm("template", "cog", CHART, "--namespace", namespace, ...args);
}

export async function render(...args: readonly string[]): Promise<readonly Manifest[]> {
  return parseManifests(await renderText(...args));
}

export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document): Manifest | null => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** The pods that the objects lead to. */
export function podTemplates(manifests: readonly Manifest[]): readonly PodTemplate[] {
  return manifests.flatMap(({ spec }) => {
    const template = spec?.template ?? spec?.leaderWorkerTemplate?.workerTemplate;
    if (template === undefined) return [];
    const claimed =
      spec?.volumeClaimTemplates?.map(({ metadata }) => ({ name: metadata.name, emptyDir: {} })) ?? [];
    return {
      ...template,
      spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claimed] },
    };
  });
}

/** A pod of the objects that has a container of this name. */
export function podNamed(container: string, manifests: readonly Manifest[]): Pod {
  const template = podTemplates(manifests).find(({ spec }) =>
    spec.containers.some(({ name }) => name === container),
  );
  if (template === undefined) throw new Error(`no pod has a container "${container}"`);
  return { metadata: { name: container }, spec: template.spec };
}

/** How a command ended, and all that it wrote. */
export async function outcome(
  command: string,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece) => {
      text += piece;
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, text };
}
