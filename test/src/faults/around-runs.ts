import { InferenceSession } from "onnxruntime-node";

type Run = InferenceSession["run"];
export type Outputs = ReturnType<Run>;

/** Puts something around each run of a graph in this thread, for sessions that are opened from now on. */
export function aroundRuns(around: (run: () => Outputs) => Outputs): void {
  const create = InferenceSession.create as (...args: unknown[]) => Promise<InferenceSession>;
  InferenceSession.create = async (...args: unknown[]): Promise<InferenceSession> => {
    const session = await create.apply(InferenceSession, args);
    const run = session.run.bind(session) as (...args: unknown[]) => Outputs;
    session.run = (...given: unknown[]) => around(() => run(...given));
    return session;
  };
}
