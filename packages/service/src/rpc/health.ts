import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { service as definition } from "grpc-health-check";

interface Request {
  readonly service: string;
}

interface Response {
  readonly status: "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
}

/**
 * grpc.health.v1 of a server all of whose services serve, or none. The handlers that come with the definition would leave
 * its watches open when the server stops, which then waits for them.
 */
export class Health {
  readonly #names: ReadonlySet<string>;
  readonly #watches = new Set<ServerWritableStream<Request, Response>>();
  #isServing = true;

  /** @param names of the services; "" stands for the server */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
  }

  addTo(server: Server): void {
    server.addService(definition, {
      check: ({ request }: ServerUnaryCall<Request, Response>, respond: sendUnaryData<Response>) => {
        if (this.#names.has(request.service)) respond(null, this.#of(request));
        else respond({ code: status.NOT_FOUND, details: `there is no service "${request.service}"` });
      },
      watch: (call: ServerWritableStream<Request, Response>) => {
        this.#watches.add(call);
        call.on("cancelled", () => this.#watches.delete(call));
        call.write(this.#of(call.request));
      },
      list: (_call: unknown, respond: sendUnaryData<{ statuses: Record<string, Response> }>) =>
        respond(null, {
          statuses: Object.fromEntries([...this.#names].map((service) => [service, this.#of({ service })])),
        }),
    });
  }

  /** Those that watch are told when it changes. */
  setServing(isServing: boolean): void {
    if (isServing === this.#isServing) return;
    this.#isServing = isServing;
    for (const call of this.#watches)
      if (this.#names.has(call.request.service)) call.write(this.#of(call.request));
  }

  /** Ends the watches. */
  end(): void {
    for (const call of this.#watches) call.end();
    this.#watches.clear();
  }

  #of({ service }: Request): Response {
    if (!this.#names.has(service)) return { status: "SERVICE_UNKNOWN" };
    return { status: this.#isServing ? "SERVING" : "NOT_SERVING" };
  }
}
