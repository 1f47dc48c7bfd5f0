import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { neverAborts, systemClock } from "@cogfleet/core";
import { freePort } from "@cogfleet/core/testing";
import { findTool } from "../clients/tool.js";

/** Something that was started, and can be ended. */
interface Started {
  readonly url: string;
  end(): Promise<void>;
}

/** What /api/v1/query answers of a series. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus extends Started {
  /** Throws where Prometheus refuses the query. */
  query(promql: string): Promise<readonly Series[]>;
}

/** A real Prometheus that scrapes these ports as one job every second, and evaluates the rules as often. */
export async function startPrometheus(
  folder: string,
  options: { httpPorts: readonly number[]; rules: string; alertmanager?: string },
): Promise<Prometheus> {
  const { httpPorts, rules, alertmanager } = options;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "rules.yaml"), rules);
  const targets = httpPorts.map((port) => `127.0.0.1:${port}`);
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: [{ job_name: "cogfleet", static_configs: [{ targets, labels: { namespace: "video" } }] }],
    ...(alertmanager === undefined
      ? {}
      : {
          alerting: {
            alertmanagers: [{ static_configs: [{ targets: [alertmanager.replace("http://", "")] }] }],
          },
        }),
  };
  const file = join(folder, "prometheus.yaml");
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const started = await start("prometheus", (port) => [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  return {
    ...started,
    async query(promql) {
      const response = await fetch(`${started.url}/api/v1/query?query=${encodeURIComponent(promql)}`);
      const answer = (await response.json()) as {
        status: string;
        error?: string;
        data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      if (answer.data === undefined) throw new Error(`${promql}: ${answer.error}`);
      return answer.data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
  };
}

/** A real Alertmanager that passes every alert on at once, and says when it is over. */
export function startAlertmanager(folder: string, webhook: string): Promise<Started> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "alertmanager.yaml");
  const route = { receiver: "test", group_by: ["alertname"], group_wait: "0s", group_interval: "1s" };
  const receivers = [{ name: "test", webhook_configs: [{ url: webhook, send_resolved: true }] }];
  writeFileSync(file, JSON.stringify({ route, receivers }));
  return start("prometheus-alertmanager", (port) => [
    `--config.file=${file}`,
    `--storage.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
}

/** What a webhook of Alertmanager was told. */
export interface Notice {
  readonly alert: string;
  readonly status: "firing" | "resolved";
  readonly summary: string;
}

/** A webhook for Alertmanager, which remembers what it was told. */
export class Webhook {
  readonly notices: Notice[] = [];
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece) => pieces.push(piece));
      request.on("end", () => {
        this.#take(Buffer.concat(pieces).toString());
        response.end();
      });
    });
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves once the last word on this alert is that; rejects with what was said instead when the signal aborts. */
  async told(alert: string, status: Notice["status"], signal: AbortSignal): Promise<Notice> {
    for (;;) {
      const last = this.notices.findLast((notice) => notice.alert === alert);
      if (last?.status === status) return last;
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        const said = this.notices.map((notice) => `${notice.alert} ${notice.status}`).join(", ");
        const late = (): void => reject(new Error(`${alert} is not ${status}; told: ${said}`));
        signal.addEventListener("abort", late, { once: true });
      });
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(body: string): void {
    const { alerts } = JSON.parse(body) as {
      alerts: {
        status: Notice["status"];
        labels: Record<string, string>;
        annotations: Record<string, string>;
      }[];
    };
    for (const { status, labels, annotations } of alerts)
      this.notices.push({
        alert: labels["alertname"] ?? "",
        status,
        summary: annotations["summary"] ?? "",
      });
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Starts a server on a free port, and waits until it is ready. */
async function start(tool: string, flags: (port: number) => string[]): Promise<Started> {
  const port = await freePort();
  const child = spawn(findTool(tool), flags(port), { stdio: ["ignore", "ignore", "pipe"] });
  const log: string[] = [];
  child.stderr.on("data", (piece) => log.push(String(piece)));
  const url = `http://127.0.0.1:${port}`;
  const signal = AbortSignal.timeout(60_000);
  while (!(await isReady(url))) {
    if (child.exitCode !== null || signal.aborted) throw new Error(`${tool} did not start:\n${log.join("")}`);
    await systemClock.sleep(100, neverAborts);
  }
  return { url, end: () => ended(child) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}
