import { choiceSetting, textSetting } from "@cogfleet/service";

/** Settings of --store nats. */
export const natsSettings = {
  natsUrl: textSetting({
    fallback: "nats://127.0.0.1:4222",
    help: "NATS servers, separated by commas: nats://HOST:PORT or tls://HOST:PORT",
  }),
  natsReplicas: choiceSetting({
    choices: ["1", "3", "5"],
    fallback: "1",
    help: "NATS servers that keep a copy of everything; 3 survive the loss of one",
  }),
  natsPrefix: textSetting({
    fallback: "cogfleet",
    help: "what the names of our buckets begin with: coordinators that share it are one service",
  }),
  natsCreds: textSetting({ fallback: "", help: "file with a NATS user's credentials" }),
  natsUser: textSetting({ fallback: "", help: "NATS user, where users have passwords" }),
  natsPassword: textSetting({ fallback: "", help: "password of --nats-user; better given as the variable" }),
  natsTlsCa: textSetting({ fallback: "", help: "PEM file with the authority that signed the NATS servers" }),
  natsTlsCert: textSetting({ fallback: "", help: "PEM file with our certificate for NATS" }),
  natsTlsKey: textSetting({ fallback: "", help: "PEM file with the key of --nats-tls-cert" }),
};

const SERVER = /^(nats|tls):\/\/(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+)(:\d{1,5})?$/;

/** Problems of settings that do not fit each other, or that their rules do not show. */
export function natsProblems(config: {
  readonly natsUrl: string;
  readonly natsPrefix: string;
  readonly natsCreds: string;
  readonly natsUser: string;
  readonly natsPassword: string;
  readonly natsTlsCert: string;
  readonly natsTlsKey: string;
}): readonly string[] {
  const problems = config.natsUrl
    .split(",")
    .map((url) => url.trim())
    .filter((url) => !SERVER.test(url))
    .map((url) => `--nats-url must name servers as nats://HOST:PORT or tls://HOST:PORT, got "${url}"`);
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(config.natsPrefix))
    problems.push(`--nats-prefix must be 1 to 64 letters, digits, "-" and "_", got "${config.natsPrefix}"`);
  if (config.natsCreds !== "" && config.natsUser !== "")
    problems.push("--nats-creds and --nats-user exclude each other");
  if ((config.natsUser === "") !== (config.natsPassword === ""))
    problems.push("--nats-user and --nats-password must be given together");
  if ((config.natsTlsCert === "") !== (config.natsTlsKey === ""))
    problems.push("--nats-tls-cert and --nats-tls-key must be given together");
  return problems;
}
