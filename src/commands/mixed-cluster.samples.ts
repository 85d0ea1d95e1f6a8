import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import amqplib from "amqplib";
import { build } from "esbuild";
import kafkajs from "kafkajs";
import { inject, onTestFailed, onTestFinished } from "vitest";
import { type Collector, createCollector } from "../adapters/testing/collector.ts";
import {
  type DeployedFault,
  type DeployedService,
  deployedServices,
} from "../adapters/testing/deployed/deployed.ts";
import { topologyOf } from "../pipeline/topology.ts";
import {
  binary,
  komatsuAnswer,
  type Result,
  replaying,
  root,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// Some of our services and stand-ins for the other deployed ones, as processes on real servers. Names of topics, queues
// and groups are the deployed system's: before each cluster they are emptied, so only servers that tests started
// themselves are used.

export const areServersOurs = ["kafka", "rabbitmq", "s3"].every((name) =>
  inject("ours").includes(name),
);
const servers = inject("servers");

export type Cluster = {
  /** Where clients find the gateway, whoever runs it. */
  readonly gatewayUrl: string;
  readonly ingestionUrl: string;
  /** Runs a command beside our services. */
  readonly tool: (...args: readonly string[]) => Promise<Result>;
  /** What our services, or theirs, have logged so far. */
  readonly logged: (whose: "ours" | "theirs") => string;
  /** Resolves when one of them has logged that. */
  readonly untilLogged: (whose: "ours" | "theirs", text: string) => Promise<void>;
  /** As anyone could: a body and nothing else. */
  readonly append: (topic: string, body: string) => Promise<void>;
  readonly publish: (queue: string, body: string) => Promise<void>;
  /** What is published to an exchange from now on; resolves when it listens. */
  readonly watch: (exchange: string) => Promise<Collector<unknown>>;
  /** How many messages wait in a queue. */
  readonly waitingIn: (queue: string) => Promise<number>;
};

type Options = {
  readonly faults?: readonly DeployedFault[];
  /** Further arguments of `up`. */
  readonly args?: readonly string[];
};

/** When every service is ready. It ends with the test. */
export async function openMixedCluster(
  ours: readonly DeployedService[],
  { args = [], faults = [] }: Options = {},
): Promise<Cluster> {
  const port = await freeBlock();
  await empty();
  const home = await temporaryDirectory();
  const at = (service: DeployedService) =>
    `http://127.0.0.1:${port + deployedServices.indexOf(service)}`;
  const env = {
    ...{
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      ...servers,
    },
    ...(await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() })),
    TU_ANALYZE_STATE_DIR: join(home, "state"),
    REDPANDA_BOOTSTRAP_SERVERS: servers["KAFKA_BROKERS"] ?? "",
    INTERNAL_AUTH_API_KEY: "shared by all of them",
    INGESTION_BASE_URL: at("tu-ingestion-service"),
    STORAGE_BASE_URL: at("tu-storage-service"),
    MediaAccess__BaseUrl: at("tu-media-access-service"),
  };
  const theirs = deployedServices.filter((service) => !ours.includes(service));
  const up = ["up", "--context", "env", "--flow", "current", "--port", String(port), "-o", "json"];
  const [own, deployed] = await Promise.all([
    started([binary, ...up, "--only", ours.join(","), ...args], env, "}\n"),
    started([await bundled()], { ...env, ...deployedEnvironment(port, theirs, faults) }, "ready\n"),
  ]);
  const of = { ours: own, theirs: deployed };
  return {
    gatewayUrl: at("graph-gateway"),
    ingestionUrl: at("tu-ingestion-service"),
    tool: (...words) =>
      tool([...words, "--context", "env"], { env: { ...env, TU_ANALYZE_VISION: "" } }),
    logged: (whose) => of[whose].logged(),
    untilLogged: (whose, text) => of[whose].untilLogged(text),
    ...intruders,
  };
}

function deployedEnvironment(
  port: number,
  theirs: readonly DeployedService[],
  faults: readonly DeployedFault[],
) {
  return {
    DEPLOYED_PORT: String(port),
    DEPLOYED_SERVICES: theirs.join(","),
    DEPLOYED_FAULTS: faults.join(","),
  };
}

/** A process, once it has printed a text that ends like that. After the test it is asked to end, and awaited. */
async function started(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  end: string,
): Promise<{ logged: () => string; untilLogged: (text: string) => Promise<void> }> {
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [logged, printed] = ["", ""];
  const looks = new Set<() => void>();
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    logged += text;
    for (const look of looks) look();
  });
  onTestFinished(() => ended(child));
  onTestFailed(() => void process.stderr.write(logged));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.endsWith(end)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${printed}${logged}`)));
  });
  return {
    logged: () => logged,
    untilLogged: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!logged.includes(text)) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
  };
}

const endMs = 20_000;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), endMs);
  await exit;
  clearTimeout(kill);
}

const bundle = join(root, ".cache", "deployed.mjs");
let building: Promise<unknown> | undefined;

/** The stand-ins as one file, which starts in half the time of their sources. */
async function bundled(): Promise<string> {
  building ??= build({
    entryPoints: [join(root, "src", "adapters", "testing", "deployed", "main.ts")],
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", outfile: bundle },
  });
  await building;
  return bundle;
}

const blockSize = 12;

/** Below the ports that the system gives away: a service of theirs has the port that ours would have. */
async function freeBlock(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 1_000) * blockSize;
    const ports = Array.from({ length: blockSize }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const { exchanges, queues, topics } = topologyOf("current");
const groups = ["svc-ai-vision-adapter", "svc-messaging-bridge"];

/** Nothing of an earlier cluster is left: no record, no position, no queue, no message. */
async function empty(): Promise<void> {
  await Promise.all([emptyKafka(), emptyRabbit()]);
}

const openKafka = () =>
  new kafkajs.Kafka({
    brokers: (servers["KAFKA_BROKERS"] ?? "").split(","),
    logLevel: kafkajs.logLevel.NOTHING,
  });

async function emptyKafka(): Promise<void> {
  const admin = openKafka().admin();
  await admin.connect();
  const there = await admin.listTopics();
  for (const { name: topic } of topics) {
    if (!there.includes(topic)) continue;
    const offsets = await admin.fetchTopicOffsets(topic);
    const partitions = offsets.map(({ high, partition }) => ({ partition, offset: high }));
    await admin.deleteTopicRecords({ topic, partitions });
  }
  const known = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
  await admin.deleteGroups(groups.filter((group) => known.includes(group)));
  await admin.disconnect();
}

const openRabbit = () =>
  amqplib.connect({
    hostname: servers["RABBIT_HOST"] ?? "",
    port: Number(servers["RABBIT_PORT"]),
    username: servers["RABBIT_USER"] ?? "",
    password: servers["RABBIT_PASS"] ?? "",
  });

async function emptyRabbit(): Promise<void> {
  const model = await openRabbit();
  const channel = await model.createChannel();
  for (const { name } of queues) await channel.deleteQueue(name);
  for (const { name } of exchanges) await channel.deleteExchange(name);
  await model.close();
}

const intruders = {
  async append(topic: string, body: string): Promise<void> {
    const producer = openKafka().producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: body }] });
    await producer.disconnect();
  },
  async publish(queue: string, body: string): Promise<void> {
    const model = await openRabbit();
    const channel = await model.createConfirmChannel();
    channel.sendToQueue(queue, Buffer.from(body));
    await channel.waitForConfirms();
    await model.close();
  },
  async watch(exchange: string): Promise<Collector<unknown>> {
    const heard = createCollector<unknown>();
    const model = await openRabbit();
    onTestFinished(() => model.close());
    const channel = await model.createChannel();
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, exchange, "");
    const add = (message: amqplib.ConsumeMessage | null) =>
      heard.add(JSON.parse(String(message?.content)));
    await channel.consume(queue, add, { noAck: true });
    return heard;
  },
  async waitingIn(queue: string): Promise<number> {
    const model = await openRabbit();
    const channel = await model.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    await model.close();
    return messageCount;
  },
};
