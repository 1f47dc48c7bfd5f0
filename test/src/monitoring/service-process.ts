import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type MetricFamily, parseMetrics } from "@cogfleet/service/testing";
import { inRepository } from "../clients/tool.js";

/** A coordinator or a worker as a process of its own. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  /** Of gRPC; 0 for a worker. */
  readonly port: number;
  readonly httpPort: number;
  scrape(): Promise<string>;
  metrics(): Promise<ReadonlyMap<string, MetricFamily>>;
  /** Sends the signal, and resolves when the process has ended. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Starts one; up when this resolves. Whoever starts it ends it. */
export async function startService(
  service: "coordinator" | "worker",
  flags: readonly string[],
): Promise<ServiceProcess> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("COGFLEET_")),
  );
  const level = process.env["COGFLEET_TEST_LOG"] ?? "silent";
  const child = fork(
    inRepository(`services/${service}/dist/main.js`),
    [...flags, "--http-port", "0", "--log-level", level],
    { env, stdio: ["ignore", "ignore", level === "silent" ? "ignore" : "inherit", "ipc"] },
  );
  const [{ port, httpPort }] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the ${service} ended with ${code}`))),
  ])) as [{ port: number; httpPort: number }];
  const scrape = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
    return response.text();
  };
  return {
    child,
    port,
    httpPort,
    scrape,
    metrics: async () => parseMetrics(await scrape()),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    },
  };
}

/** Flags of a worker with the demo checkpoint. */
export function demoWorker({ port }: Pick<ServiceProcess, "port">, id: string): readonly string[] {
  const model = inRepository("models/demo");
  return ["--coordinator", `127.0.0.1:${port}`, "--model", model, "--id", id, "--threads", "1"];
}
