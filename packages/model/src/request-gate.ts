// The gate for users' requests, stricter than diffusers: what passes it gives the video that was asked for.
import { ClusterError, type Random } from "@cogfleet/core";
import { SIZE_STEP } from "./checkpoint/model-facts.js";
import type { GenerationArguments, ModelFacts, ResolvedArguments } from "./request.js";

/** Unicode code units; far beyond what any text encoder reads, and quick to tokenize. */
export const MAX_PROMPT_LENGTH = 100_000;
export const MAX_SEED = Number.MAX_SAFE_INTEGER; // 2^53 - 1

const SCHEDULERS = ["ddim", "dpm"] as const;
const DEFAULT_STEPS = 50;
const DEFAULT_GUIDANCE = 6;

/**
 * Checks a text-to-video request against a model and fills in what is left out. `invalid_request` names every field
 * that is wrong (by its name in the proto), its value and the rule; `details.fields` lists them. `unsupported` when
 * the model makes no video from text alone. A seed that is left out is drawn from `random`.
 */
export function resolveRequest(
  facts: ModelFacts,
  args: GenerationArguments,
  random: Random,
): ResolvedArguments {
  if (facts.variant === "i2v-1.0" || facts.variant === "i2v-1.5")
    throw new ClusterError(
      "unsupported",
      `model ${facts.name} makes videos from an image and a text: text-to-video is not supported with it`,
    );
  const check = new Checks();
  const resolved: ResolvedArguments = {
    prompt: check.text("prompt", args.prompt, { mayBeBlank: false }),
    negativePrompt: check.text("negative_prompt", args.negativePrompt ?? "", { mayBeBlank: true }),
    seed: check.seed(args.seed) ?? random.seed(),
    numInferenceSteps: check.integer("num_inference_steps", args.numInferenceSteps ?? DEFAULT_STEPS, 1, 1000),
    guidanceScale: check.guidanceScale(args.guidanceScale ?? DEFAULT_GUIDANCE),
    useDynamicCfg: args.useDynamicCfg ?? false,
    scheduler: check.scheduler(args.scheduler ?? facts.defaultScheduler),
    numFrames: check.stepped("num_frames", args.numFrames ?? facts.defaultNumFrames, {
      min: 1,
      max: facts.maxNumFrames,
      step: 8,
      rule: "must be 8k+1",
    }),
    height: check.stepped("height", args.height ?? facts.defaultHeight, {
      min: facts.minHeight,
      max: facts.maxHeight,
      step: SIZE_STEP,
      rule: `must be a multiple of ${SIZE_STEP}`,
    }),
    width: check.stepped("width", args.width ?? facts.defaultWidth, {
      min: facts.minWidth,
      max: facts.maxWidth,
      step: SIZE_STEP,
      rule: `must be a multiple of ${SIZE_STEP}`,
    }),
    fps: check.integer("fps", args.fps ?? facts.defaultFps, 1, 120),
    maxSequenceLength: check.sequenceLength(args.maxSequenceLength ?? facts.maxTextSeqLength, facts),
    vaeTiling: args.vaeTiling ?? false,
  };
  check.finish();
  return resolved;
}

/** Collects problems; each check returns its value so that the request can be written down in one piece. */
class Checks {
  readonly #problems: { readonly field: string; readonly text: string }[] = [];

  text(field: string, value: string, { mayBeBlank }: { readonly mayBeBlank: boolean }): string {
    if (!mayBeBlank && /^[\s\p{White_Space}]*$/u.test(value))
      this.#refuse(field, `${JSON.stringify(value.slice(0, 20))} must not be blank`);
    if (value.length > MAX_PROMPT_LENGTH)
      this.#refuse(
        field,
        `of ${value.length} characters is too long, it must have at most ${MAX_PROMPT_LENGTH}`,
      );
    return value;
  }

  seed(digits: string | undefined): number | undefined {
    if (digits === undefined) return undefined;
    if (!/^\d{1,20}$/.test(digits) || BigInt(digits) > BigInt(MAX_SEED))
      this.#refuse(
        "seed",
        `${digits.slice(0, 40) || `""`} must be an integer from 0 to ${MAX_SEED} (2^53 - 1)`,
      );
    return Number(digits);
  }

  integer(field: string, value: number, min: number, max: number): number {
    if (!Number.isInteger(value) || value < min || value > max)
      this.#refuse(field, `${value} must be an integer from ${min} to ${max}`);
    return value;
  }

  guidanceScale(value: number): number {
    if (!Number.isFinite(value) || value < 0)
      this.#refuse("guidance_scale", `${value} must be a finite number, 0 or more`);
    return value;
  }

  scheduler(value: string): "ddim" | "dpm" {
    const known = SCHEDULERS.find((name) => name === value);
    if (known === undefined)
      this.#refuse("scheduler", `${JSON.stringify(value.slice(0, 40))} must be ddim or dpm`);
    return known ?? "ddim";
  }

  /** One of min, min + step, ..., max. */
  stepped(
    field: string,
    value: number,
    {
      min,
      max,
      step,
      rule,
    }: { readonly min: number; readonly max: number; readonly step: number; readonly rule: string },
  ): number {
    if (min === max && value !== min) {
      this.#refuse(field, `${value} must be ${min}: this model has positions for no other size`);
    } else if (!Number.isInteger(value) || value < min || value > max || (value - min) % step !== 0) {
      const largest = max - ((max - min) % step);
      const below = Math.min(largest, Math.max(min, min + step * Math.floor((value - min) / step)));
      const above = Math.min(largest, Math.max(min, min + step * Math.ceil((value - min) / step)));
      const nearest = Number.isNaN(below)
        ? ""
        : below === above
          ? `, such as ${below}`
          : `, such as ${below} or ${above}`;
      this.#refuse(field, `${value} ${rule} from ${min} to ${largest}${nearest}`);
    }
    return value;
  }

  sequenceLength(value: number, { maxTextSeqLength, fixedSequenceLength }: ModelFacts): number {
    if (fixedSequenceLength && value !== maxTextSeqLength)
      this.#refuse(
        "max_sequence_length",
        `${value} must be ${maxTextSeqLength}: this model adds positions to a text of that length`,
      );
    return fixedSequenceLength ? value : this.integer("max_sequence_length", value, 1, maxTextSeqLength);
  }

  #refuse(field: string, text: string): void {
    this.#problems.push({ field, text });
  }

  finish(): void {
    if (this.#problems.length === 0) return;
    throw new ClusterError(
      "invalid_request",
      this.#problems.map(({ field, text }) => `${field} ${text}`).join("; "),
      { details: { fields: this.#problems.map(({ field }) => field).join(",") } },
    );
  }
}
