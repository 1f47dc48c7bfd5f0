import {
  elements,
  positionInputs,
  type Tensor,
  type TransformerConfig,
  type TransformerSize,
} from "@cogfleet/model";
import type { RowShares } from "./context-layout.js";

/** Which of a rank's rows an input of positions has one entry for; inputs that are not named are whole tables. */
const ROWS_OF: Readonly<Record<string, "rows" | "text" | "video">> = {
  rotary_cos: "rows",
  rotary_sin: "rows",
  frame_index: "video",
  column_index: "video",
  row_index: "video",
  learned_text_index: "text",
  learned_video_index: "video",
};

/** The inputs of positions (graph/transformer-inputs.ts of model) for a rank's rows among `shares`, by name. */
export function ownPositions(
  config: TransformerConfig,
  size: TransformerSize,
  shares: RowShares,
  rank: number,
): Readonly<Record<string, Tensor>> {
  const whole = Object.entries(positionInputs(config, size));
  return Object.fromEntries(
    whole.map(([name, tensor]) => {
      const kind = ROWS_OF[name];
      const share = kind === undefined ? undefined : shares[kind][rank];
      return [name, share === undefined ? tensor : rowsOf(tensor, share.start, share.count)];
    }),
  );
}

/** Entries [start, start + count) of the first axis, copied: a view would carry the whole buffer to the device. */
function rowsOf(tensor: Tensor, start: number, count: number): Tensor {
  const width = elements(tensor.dims.slice(1));
  const dims = [count, ...tensor.dims.slice(1)];
  const [from, to] = [start * width, (start + count) * width];
  switch (tensor.type) {
    case "float32":
      return { type: tensor.type, data: tensor.data.slice(from, to), dims };
    case "int32":
      return { type: tensor.type, data: tensor.data.slice(from, to), dims };
    case "int64":
      return { type: tensor.type, data: tensor.data.slice(from, to), dims };
    case "float16":
    case "bfloat16":
      return { type: tensor.type, data: tensor.data.slice(from, to), dims };
  }
}
