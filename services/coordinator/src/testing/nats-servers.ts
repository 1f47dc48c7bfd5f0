import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { systemClock } from "@cogfleet/core";
import { freePort, freePorts } from "@cogfleet/core/testing";

/** How a server without users and TLS is connected to. */
export const OPEN_TO_ALL = {
  natsCreds: "",
  natsUser: "",
  natsPassword: "",
  natsTlsCa: "",
  natsTlsCert: "",
  natsTlsKey: "",
};

/** A server's program, and what it calls itself. */
export interface NatsProgram {
  readonly path: string;
  /** Such as "2.9.10". */
  readonly version: string;
}

const TOOLS = fileURLToPath(new URL("../../../../.tools/bin", import.meta.url));
const START_MS = 30_000;

/** The newest nats-server that can be found, or the oldest. Throws how to get one. */
export function natsProgram(which: "newest" | "oldest" = "newest"): NatsProgram {
  const path = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin`;
  const folders = [process.env["COGFLEET_TOOLS_DIR"] ?? TOOLS, TOOLS, ...path.split(delimiter)];
  const programs = [...new Set(folders.map((folder) => join(folder, "nats-server")))]
    .filter((file) => existsSync(file))
    .map((file) => ({ path: file, version: versionOf(file) }))
    .sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }));
  const found = which === "newest" ? programs[0] : programs.at(-1);
  const isThere = found !== undefined && (which === "oldest" || Number(found.version.split(".")[1]) >= 11);
  if (!isThere) throw new Error("no nats-server of 2.11 or later: bash scripts/install-test-tools.sh");
  return found;
}

function versionOf(file: string): string {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "0.0.0";
}

/** A real server with JetStream on a free port, its state in a folder that outlives a kill. */
export class NatsServer {
  readonly port: number;
  readonly #program: NatsProgram;
  readonly #config: string;
  readonly #wrapper: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(program: NatsProgram, port: number, config: string, wrapper: readonly string[]) {
    this.#program = program;
    this.port = port;
    this.#config = config;
    this.#wrapper = wrapper;
  }

  /**
   * @param options.lines of configuration besides port and folder
   * @param options.wrapper a program that runs the server, such as strace
   */
  static async start(options: {
    readonly program: NatsProgram;
    readonly folder: string;
    readonly port?: number;
    readonly lines?: readonly string[];
    readonly sync?: boolean;
    readonly wrapper?: readonly string[];
  }): Promise<NatsServer> {
    const { program, folder, lines = [], sync = false, wrapper = [] } = options;
    const port = options.port ?? (await freePort());
    mkdirSync(folder, { recursive: true });
    const config = join(folder, "nats.conf");
    const store = `store_dir: "${join(folder, "store")}"${sync ? ", sync_interval: always" : ""}`;
    const listen = [`listen: 127.0.0.1:${port}`, `pid_file: "${config}.pid"`, `jetstream { ${store} }`];
    writeFileSync(config, [...listen, ...lines, ""].join("\n"));
    const server = new NatsServer(program, port, config, wrapper);
    await server.startAgain();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async startAgain(): Promise<void> {
    const [command, ...args] = [...this.#wrapper, this.#program.path, "-c", this.#config];
    const child = spawn(command as string, args, { stdio: "ignore" });
    this.#child = child;
    const deadline = AbortSignal.timeout(START_MS);
    while (!(await answers(this.port))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
      await systemClock.sleep(20, deadline);
    }
  }

  /** As a crash does: nothing is said, nothing is flushed. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    // Not the child's own: a wrapper would keep the signal to itself.
    process.kill(Number(readFileSync(`${this.#config}.pid`, "utf8")), signal);
    await gone;
  }
}

/** Three servers of one cluster. */
export async function natsCluster(program: NatsProgram, folder: string): Promise<NatsServer[]> {
  const ports = await freePorts(6);
  const routes = ports.slice(3);
  return Promise.all(
    ports.slice(0, 3).map((port, i) =>
      NatsServer.start({
        program,
        folder: join(folder, `n${i}`),
        port,
        lines: [
          `server_name: n${i}`,
          `cluster { name: test, listen: "127.0.0.1:${routes[i]}", routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ")}] }`,
        ],
      }),
    ),
  );
}

/** A folder for servers' state, and what removes it. */
export function natsFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-nats-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
