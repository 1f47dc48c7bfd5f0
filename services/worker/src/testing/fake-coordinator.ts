import type { TestContext } from "node:test";
import { type ClusterError, silentLogger } from "@cogfleet/core";
import { fleetApi } from "@cogfleet/proto";
import type { ArtifactChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactChunk";
import type { CoordinatorMessage } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { WorkerMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { bidi, clientStream, type RpcServer, startRpcServer } from "@cogfleet/service";

/** The coordinator's end of one connection. */
export interface FakeConnection {
  send(message: CoordinatorMessage): Promise<void>;
  /** The next message of the worker; undefined when it has left in order. */
  next(): Promise<WorkerMessage__Output | undefined>;
  /** The next message of this kind; others are skipped. */
  nextOf<K extends NonNullable<WorkerMessage__Output["message"]>>(
    kind: K,
  ): Promise<NonNullable<WorkerMessage__Output[K]>>;
  /** Ends the connection, with an error or in order. */
  end(error?: ClusterError): void;
}

/** A real gRPC server whose answers the test gives. */
export class FakeCoordinator {
  readonly uploads: ArtifactChunk__Output[][] = [];
  /** What an upload is refused with, after its header. */
  refusal: ClusterError | undefined;
  readonly #connections: FakeConnection[] = [];
  #listener: (() => void) | undefined;
  #server: RpcServer | undefined;
  readonly #stopping = new AbortController();

  /** @param port 0 takes a free one */
  static async start(t: TestContext, port = 0): Promise<FakeCoordinator> {
    const fake = new FakeCoordinator();
    t.after(() => fake.stop());
    fake.#server = await startRpcServer({
      host: "127.0.0.1",
      port,
      log: silentLogger,
      services: [{ definition: fleetApi.Fleet.service, handlers: fake.#handlers() }],
    });
    return fake;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next worker's connection. */
  async connection(): Promise<FakeConnection> {
    for (;;) {
      const connection = this.#connections.shift();
      if (connection !== undefined) return connection;
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server?.stop(AbortSignal.abort());
  }

  #handlers() {
    return {
      Connect: bidi<WorkerMessage__Output, CoordinatorMessage>("Connect", silentLogger, (messages, send) => {
        const iterator = messages[Symbol.asyncIterator]();
        return new Promise<void>((resolve, reject) => {
          this.#stopping.signal.addEventListener("abort", () => resolve());
          const next = async (): Promise<WorkerMessage__Output | undefined> => {
            const { value, done } = await iterator.next();
            if (done !== true) return value;
            resolve();
            return undefined;
          };
          this.#connections.push({
            send,
            next,
            async nextOf(kind) {
              for (;;) {
                const message = await next();
                if (message === undefined) throw new Error(`the worker left before it sent ${kind}`);
                const found = message[kind];
                if (found !== null && found !== undefined) return found;
              }
            },
            end: (error) => (error === undefined ? resolve() : reject(error)),
          });
          this.#listener?.();
        });
      }),
      PutArtifact: clientStream<ArtifactChunk__Output, object>(
        "PutArtifact",
        silentLogger,
        async (chunks) => {
          const upload: ArtifactChunk__Output[] = [];
          for await (const chunk of chunks) {
            upload.push(chunk);
            if (this.refusal !== undefined) throw this.refusal;
          }
          this.uploads.push(upload);
          return {};
        },
      ),
    };
  }
}
