import { type Inspection, inspect, openCheckpoint, type Precision } from "@cogfleet/model";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { table } from "./view/table.js";

const PRECISIONS = ["fp32", "fp16", "bf16"] as const satisfies readonly Precision[];

/** `cogfleet model inspect`. */
export async function inspectModel(
  folder: string,
  raw: RawFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const inspection = inspect(await openCheckpoint(folder, context.interrupt));
  const lines = new FlagReader(raw).isSet("json")
    ? [inspectionJson(inspection)]
    : inspectionLines(inspection);
  for (const line of lines) context.terminal.out(line);
  return 0;
}

/** For machines: one object. */
function inspectionJson({ facts, components, shape, stages, peakBytes, refusesFp16 }: Inspection): string {
  return JSON.stringify({
    name: facts.name,
    digest: facts.digest,
    variant: facts.variant,
    parameters: sum(components.map(({ parameters }) => parameters)),
    components: components.map(({ name, parameters, types, storedBytes, bytes }) => ({
      ...{ name, parameters, types, bytes },
      stored_bytes: storedBytes,
    })),
    limits: {
      min_height: facts.minHeight,
      max_height: facts.maxHeight,
      min_width: facts.minWidth,
      max_width: facts.maxWidth,
      max_num_frames: facts.maxNumFrames,
      max_text_seq_length: facts.maxTextSeqLength,
      fixed_sequence_length: facts.fixedSequenceLength,
    },
    defaults: {
      scheduler: facts.defaultScheduler,
      height: facts.defaultHeight,
      width: facts.defaultWidth,
      num_frames: facts.defaultNumFrames,
      fps: facts.defaultFps,
    },
    memory: {
      shape: {
        num_frames: shape.numFrames,
        height: shape.height,
        width: shape.width,
        text_tokens: shape.textTokens,
      },
      stages: stages.map(({ stage, bytes }) => ({ stage, bytes })),
      peak_bytes: peakBytes,
    },
    refuses_fp16: refusesFp16,
  });
}

/** For people. */
function inspectionLines(inspection: Inspection): string[] {
  const { facts, components, shape, stages, peakBytes, refusesFp16 } = inspection;
  const parameters = sum(components.map((component) => component.parameters));
  const text = facts.fixedSequenceLength ? "exactly" : "up to";
  return [
    `${facts.name}: CogVideoX ${facts.variant}, ${parameters.toLocaleString("en-US")} parameters`,
    `sizes: ${range(facts.minWidth, facts.maxWidth)} x ${range(facts.minHeight, facts.maxHeight)} pixels, up to ${facts.maxNumFrames} frames, ${text} ${facts.maxTextSeqLength} text tokens`,
    `defaults: ${facts.defaultWidth}x${facts.defaultHeight}, ${facts.defaultNumFrames} frames, ${facts.defaultFps} frames a second, ${facts.defaultScheduler}`,
    `digest of the configs: ${facts.digest}`,
    "",
    ...table(
      ["COMPONENT", "PARAMETERS", "STORED AS", "ON DISK", "fp32", "fp16", "bf16"],
      components.map((component) => [
        component.name,
        component.parameters.toLocaleString("en-US"),
        component.types.join(", "),
        size(component.storedBytes),
        ...PRECISIONS.map((precision) => size(component.bytes[precision])),
      ]),
      ["PARAMETERS", "ON DISK", ...PRECISIONS],
    ),
    "",
    `memory, estimated for ${shape.width}x${shape.height}, ${shape.numFrames} frames (each stage's weights are loaded for that stage alone):`,
    ...table(
      ["STAGE", ...PRECISIONS],
      [
        ...stages.map(({ stage, bytes }) => [
          stage,
          ...PRECISIONS.map((precision) => size(bytes[precision])),
        ]),
        ["peak", ...PRECISIONS.map((precision) => size(peakBytes[precision]))],
      ],
      PRECISIONS,
    ),
    ...(refusesFp16 ? ["fp16 is refused: activations of this family overflow; use bf16 or fp32"] : []),
  ];
}

function range(min: number, max: number): string {
  return min === max ? String(min) : `${min}-${max}`;
}

function size(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
