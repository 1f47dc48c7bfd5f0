// A MODEL, not a measurement of cards: sessions that compute nothing, and take the time that a card would take.
// B batch, S_t and S_v a rank's own text and video rows, S all rows, Q query rows, D inner width, w columns of a cell.
import type { Clock } from "@cogfleet/core";
import {
  elements,
  type Given,
  type Graph,
  type GraphPort,
  type Runtime,
  type Session,
  type Tensor,
} from "@cogfleet/model";

/** What is known of a card. */
export interface Card {
  /** Floating-point operations a second: those of a published step over its time. */
  readonly rate: number;
  /** Between card and host, as every input and output of a graph passes; undefined leaves that out. */
  readonly hostBytesPerSecond: number | undefined;
}

type Tensors = Readonly<Record<string, Tensor>>;
type Givens = Readonly<Record<string, Given>>;

/** One card: a run waits for the runs before it. Opens the graphs of `openShardedTransformer` and no others. */
export class ModelledDevice implements Runtime {
  readonly #clock: Clock;
  readonly #card: Card;
  #timeScale = 0;
  #zeros = new ArrayBuffer(0);
  #free: Promise<void> = Promise.resolve();
  #computeSeconds = 0;
  #hostSeconds = 0;
  #attentionEnds: number[] = [];

  constructor(clock: Clock, card: Card) {
    this.#clock = clock;
    this.#card = card;
  }

  /** Counts anew. `timeScale`: seconds here for a second of the card; 0 takes no time, as before the first call. */
  restart(timeScale: number): void {
    this.#timeScale = timeScale;
    this.#computeSeconds = 0;
    this.#hostSeconds = 0;
    this.#attentionEnds = [];
  }

  /** When the runs of attention graphs were through, by the clock, ms. */
  get attentionEnds(): readonly number[] {
    return this.#attentionEnds;
  }

  /** Seconds of the card so far: arithmetic, and copies to and from the host. */
  get busy(): { readonly computeSeconds: number; readonly hostSeconds: number } {
    return { computeSeconds: this.#computeSeconds, hostSeconds: this.#hostSeconds };
  }

  async open(graph: Graph): Promise<Session> {
    const run = async (inputs: Givens, signal: AbortSignal): Promise<Tensors> => {
      const shape = shapeOf(inputs);
      const outputs = Object.fromEntries(
        graph.outputs.map((port) => [port.name, this.#blank(port, dimsOf(port, shape))]),
      );
      const computeSeconds = flopsOf(graph, inputs) / this.#card.rate;
      const bytes = bytesIn(inputs) + bytesIn(outputs);
      const { hostBytesPerSecond } = this.#card;
      const hostSeconds = hostBytesPerSecond === undefined ? 0 : bytes / hostBytesPerSecond;
      this.#computeSeconds += computeSeconds;
      this.#hostSeconds += hostSeconds;
      await this.#take(computeSeconds + hostSeconds, signal);
      if (isAttention(graph)) this.#attentionEnds.push(this.#clock.now());
      return outputs;
    };
    return { run, runKeeping: run, close: async () => {} };
  }

  openTogether(_name: string, graphs: readonly Graph[]): Promise<readonly Session[]> {
    return Promise.all(graphs.map((graph) => this.open(graph)));
  }

  async close(): Promise<void> {}

  /** Zeros. All tensors share them: what is sent is only read, and what is received has buffers of its own. */
  #blank({ type }: GraphPort, dims: readonly number[]): Tensor {
    const count = elements(dims);
    const bytes = count * (type === "float16" ? 2 : 4);
    // A byte more: whoever frees a tensor must not take the zeros along.
    if (this.#zeros.byteLength <= bytes) this.#zeros = new ArrayBuffer(bytes + 1);
    return type === "float16"
      ? { type, data: new Uint16Array(this.#zeros, 0, count), dims }
      : { type: "float32", data: new Float32Array(this.#zeros, 0, count), dims };
  }

  async #take(seconds: number, signal: AbortSignal): Promise<void> {
    const ms = 1000 * seconds * this.#timeScale;
    const run = this.#free.then(() => (ms > 0 ? this.#clock.sleep(ms, signal) : undefined));
    this.#free = run.catch(() => {}); // a run that was stopped does not stop those after it
    await run;
  }
}

function rowsOf(inputs: Givens, names: readonly string[]): number {
  for (const name of names) {
    const rows = inputs[name]?.dims[1];
    if (rows !== undefined) return rows;
  }
  return 0;
}

interface Shape {
  readonly batch: number;
  readonly text: number;
  readonly video: number;
  /** Of an attention's query. */
  readonly queries: number;
}

function shapeOf(inputs: Givens): Shape {
  const first = inputs["q"] ?? inputs["video"] ?? inputs["hidden_states"];
  return {
    batch: first?.dims[0] ?? 0,
    text: rowsOf(inputs, ["text", "encoder_hidden_states"]),
    video: rowsOf(inputs, ["video", "hidden_states"]),
    queries: rowsOf(inputs, ["q"]),
  };
}

/** Of q, k, v and of the rest of a layer, of its 24 D^2 a row; what is not a product of rows or attention is left out. */
const ROW_PRODUCTS = { before: 6, after: 18 } as const;

function isAttention({ name }: Graph): boolean {
  return name.startsWith("transformer.heads-");
}

function flopsOf(graph: Graph, inputs: Givens): number {
  const { outputs } = graph;
  const { batch, text, video, queries } = shapeOf(inputs);
  if (isAttention(graph)) {
    const [, keys = 0, width = 0] = inputs["k"]?.dims ?? [];
    return 4 * batch * queries * keys * width;
  }
  const isFirst = inputs["hidden_states"] !== undefined;
  const isLast = outputs.some((port) => port.name === "sample");
  const width = (inputs["video"]?.dims[2] ?? outputs.find((port) => port.name === "q")?.dims[2]) as number;
  const products = (isFirst ? 0 : ROW_PRODUCTS.after) + (isLast ? 0 : ROW_PRODUCTS.before);
  return products * batch * (text + video) * width ** 2;
}

function dimsOf({ name, dims }: GraphPort, { batch, text, video, queries }: Shape): number[] {
  const width = dims.at(-1) as number;
  switch (name) {
    case "time":
      return [batch, width];
    case "next.gate.text":
    case "next.gate.video":
      return [batch, 1, width];
    case "next.text":
      return [batch, text, width];
    case "next.video":
    case "sample":
      return [batch, video, width];
    case "attention":
      return [batch, queries, width];
    default:
      return [batch, text + video, width]; // q, k, v
  }
}

function bytesIn(tensors: Givens): number {
  return Object.values(tensors).reduce(
    (sum, given) => sum + ("data" in given ? given.data.byteLength : 0),
    0,
  );
}
