import {
  type ConfigOf,
  choiceSetting,
  integerSetting,
  LOG_LEVELS,
  readConfig,
  switchSetting,
  textSetting,
  tlsProblems,
  tlsSettings,
  tracingProblems,
  tracingSettings,
} from "@cogfleet/service";
import { natsProblems, natsSettings } from "./nats-settings.js";

/** Every setting of the coordinator; each is a flag and a variable: `httpPort`, `--http-port`, COGFLEET_HTTP_PORT. */
export const coordinatorSettings = {
  listen: textSetting({ fallback: "127.0.0.1", help: "interface to listen on, for gRPC and HTTP" }),
  port: integerSetting({ min: 0, max: 65_535, fallback: 7070, help: "gRPC port, 0 takes a free one" }),
  httpPort: integerSetting({
    min: 0,
    max: 65_535,
    fallback: 0,
    help: "HTTP port for metrics and probes, 0 takes a free one",
  }),
  ...tlsSettings,
  ...tracingSettings,
  store: choiceSetting({
    choices: ["embedded", "nats"],
    fallback: "embedded",
    help: "where jobs and artifacts are kept: in --data, by one coordinator alone, or in NATS JetStream, by several",
  }),
  data: textSetting({ fallback: ".cogfleet", help: "folder for jobs and artifacts of --store embedded" }),
  ...natsSettings,
  advertise: textSetting({
    fallback: "auto",
    help: "HOST or HOST:PORT that workers reach this coordinator by, for the others to tell; auto: --listen, or the host's name",
  }),
  leaderLeaseMs: integerSetting({
    min: 300,
    max: 600_000,
    fallback: 3_000,
    help: "time after which another coordinator takes over from a leader that is gone",
  }),
  leaderElection: choiceSetting({
    choices: ["store", "kubernetes"],
    fallback: "store",
    help: "what picks the leader among coordinators that share a store: the store, or a Lease object of Kubernetes",
  }),
  leaseName: textSetting({
    fallback: "cogfleet-coordinator",
    help: "name of the Lease object of --leader-election kubernetes, in the namespace of our pod",
  }),
  maxQueued: integerSetting({
    min: 1,
    max: 1_000_000,
    fallback: 10_000,
    help: "jobs that may wait; more are refused",
  }),
  maxQueuedSeconds: integerSetting({
    min: 0,
    max: 1_000_000_000,
    fallback: 0,
    help: "seconds that one worker would take for what may wait; more is refused, 0 sets no limit",
  }),
  maxTenantQueued: integerSetting({
    min: 0,
    max: 1_000_000,
    fallback: 0,
    help: "jobs of one tenant that may wait; more are refused, 0 sets no limit",
  }),
  maxTenantRanks: integerSetting({
    min: 0,
    max: 100_000,
    fallback: 0,
    help: "workers that the jobs of one tenant may hold at a time; others wait, 0 sets no limit",
  }),
  maxAttempts: integerSetting({
    min: 1,
    max: 100,
    fallback: 3,
    help: "attempts in a row that get nowhere, until a job fails",
  }),
  retainHours: integerSetting({
    min: 1,
    max: 1_000_000,
    fallback: 720,
    help: "hours for which a job and its artifacts are kept after its end",
  }),
  retainJobs: integerSetting({
    min: 0,
    max: 10_000_000,
    fallback: 10_000,
    help: "ended jobs that are kept at most, the newest",
  }),
  heartbeatMs: integerSetting({
    min: 10,
    max: 60_000,
    fallback: 1_000,
    help: "interval of the workers' heartbeats",
  }),
  leaseMs: integerSetting({
    min: 30,
    max: 600_000,
    fallback: 3_000,
    help: "silence after which a worker is dead",
  }),
  kubernetes: switchSetting({
    help: "tell Kubernetes which workers' pods to delete first, and hold back workers whose pod or node is about to go",
  }),
  kubeconfig: textSetting({
    fallback: "pod",
    help: "file that says how to reach Kubernetes; pod: the service account of the pod we run in",
  }),
  workerSelector: textSetting({
    fallback: "app.kubernetes.io/component=worker",
    help: "label selector of the workers' pods, in the namespace of ours",
  }),
  graceMs: integerSetting({
    min: 0,
    max: 3_600_000,
    fallback: 10_000,
    help: "time that a shutdown may take",
  }),
  logLevel: choiceSetting({ choices: LOG_LEVELS, fallback: "info", help: "least level that is logged" }),
};

const ADVERTISED = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+)(:\d{1,5})?$/;

export type CoordinatorConfig = ConfigOf<typeof coordinatorSettings>;

/** Reads flags and COGFLEET_* variables. Throws `invalid_config` with every problem. */
export function parseCoordinatorConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CoordinatorConfig {
  return readConfig(coordinatorSettings, argv, env, (config) => {
    const problems = [
      ...tlsProblems(config),
      ...tracingProblems(config),
      ...(config.store === "nats" ? natsProblems(config) : []),
    ];
    // Two lost heartbeats are a hiccup of the network; three are a dead worker.
    if (config.leaseMs < 3 * config.heartbeatMs)
      problems.push(
        `--lease-ms of ${config.leaseMs} must be at least 3 times --heartbeat-ms of ${config.heartbeatMs}`,
      );
    if (config.leaderElection === "kubernetes" && config.store === "embedded")
      problems.push(
        "--leader-election kubernetes needs --store nats: of --store embedded there is one coordinator",
      );
    if (config.advertise !== "auto" && !ADVERTISED.test(config.advertise))
      problems.push(`--advertise must be HOST or HOST:PORT, got "${config.advertise}"`);
    return problems;
  });
}
