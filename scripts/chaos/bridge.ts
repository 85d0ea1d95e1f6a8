import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createKafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { createSystemClock } from "../../src/adapters/memory/clock.ts";
import { createRandomIds } from "../../src/adapters/memory/ids.ts";
import { createRabbitBroker } from "../../src/adapters/rabbitmq/broker.ts";
import { findContract } from "../../src/pipeline/contracts/catalogue.ts";
import { encode } from "../../src/pipeline/delivery/wire.ts";
import type { Random } from "../../src/simulation/scheduler.ts";
import type { Cluster } from "./cluster.ts";
import { faults } from "./outages.ts";
import { startPipeline } from "./pipeline.ts";

// R7: so many messages over the bridge while both of its servers are disturbed. None may be missing, and those of one
// key arrive in order; transports may repeat them.

const keys = 64;
const queue = "orchestrator.image-uploaded";
const topic = "tu.images.uploaded";
const window = 2000;
const idleMs = 90_000;
const pauseMs = 2000;
const disturbed = ["killed", "reset", "cut", "half-open", "blocked"];

export async function bridgeWithFaults(options: {
  readonly cluster: Cluster;
  readonly directory: string;
  readonly messages: number;
  readonly random: Random;
}): Promise<readonly string[]> {
  const { cluster, messages } = options;
  const directory = join(options.directory, "bridge");
  await mkdir(directory);
  await feed(cluster, messages);
  const received = await receive(cluster, messages);
  const pipeline = await startPipeline({
    ...{ directory, answers: directory, variables: cluster.variables },
    args: ["--only", "svc-messaging-bridge"],
  });
  const startedAt = performance.now();
  const done = new AbortController();
  const disturbing = disturb(options, done.signal);
  await received.all;
  const seconds = (performance.now() - startedAt) / 1000;
  done.abort();
  const times = await disturbing;
  const { mb } = pipeline.vitals();
  const complaints = await pipeline.stop();
  await received.close();
  const { distinct, disorder, repeated } = received.count();
  console.log(
    [
      `bridge: ${distinct} of ${messages} messages in ${seconds.toFixed(0)} s (${(distinct / seconds).toFixed(0)}/s)`,
      `${times} faults meanwhile; ${repeated} repeated by transports; ${disorder.length} out of order; ${mb.toFixed(0)} MB`,
    ].join("; "),
  );
  return [
    ...complaints,
    ...(distinct < messages
      ? [`${messages - distinct} messages are missing behind the bridge`]
      : []),
    ...disorder.slice(0, 10),
  ];
}

async function feed(cluster: Cluster, messages: number): Promise<void> {
  const contract = findContract(topic);
  if (contract === undefined) throw new Error(`no ${topic}`);
  const ids = createRandomIds(createSystemClock());
  const log = await createKafkaEventLog({
    brokers: [cluster.direct["KAFKA_BROKERS"] ?? ""],
    onError: (error) => console.log(error),
  });
  await log.createTopic({ name: topic, partitions: 4 });
  for (let from = 0; from < messages; from += window) {
    const batch = Array.from({ length: Math.min(window, messages - from) }, (_, at) => {
      const subject = `bulk/${(from + at) % keys}.png`;
      const encoded = encode({
        ...{ id: ids.create(), name: topic, kind: "event", flowId: ids.create(), subject },
        ...{ causationId: null, occurredAt: new Date().toISOString(), headers: {} },
        producer: contract.routes[0].producerHeader,
        schema: contract.schemaId,
        payload: {
          ...contract.example,
          objectKey: subject,
          bytes: Math.floor((from + at) / keys),
        },
      });
      if (encoded.transport !== "kafka") throw new Error(`${topic} is on Kafka`);
      return log.append(encoded.record);
    });
    await Promise.all(batch);
  }
  await log.close();
}

/** Reads what the bridge sends, past the ways. */
async function receive({ direct }: Cluster, messages: number) {
  const broker = await createRabbitBroker({
    ...{ host: direct["RABBIT_HOST"] ?? "", port: Number(direct["RABBIT_PORT"]) },
    ...{ user: direct["RABBIT_USER"] ?? "", password: direct["RABBIT_PASS"] ?? "" },
    onError: () => undefined, // it comes again
  });
  await broker.declare({ exchanges: [], queues: [{ name: queue }], bindings: [] });
  const next = new Map<string, number>();
  const disorder: string[] = [];
  let [distinct, repeated, newsAt] = [0, 0, Date.now()];
  const take = (key: string, sequence: number) => {
    const expected = next.get(key) ?? 0;
    if (sequence < expected) {
      repeated += 1;
      return;
    }
    if (sequence > expected) disorder.push(`${key}: ${sequence} came where ${expected} was due`);
    next.set(key, sequence + 1);
    distinct += 1;
    newsAt = Date.now();
  };
  const subscription = await broker.consume({ queue, prefetch: 1000 }, async (delivery) => {
    const body = JSON.parse(Buffer.from(delivery.body).toString()) as {
      objectKey: string;
      bytes: number;
    }; // written by the bridge
    if (body.objectKey.startsWith("bulk/")) take(body.objectKey, body.bytes);
    await delivery.ack();
  });
  const all = (async () => {
    newsAt = Date.now();
    while (distinct < messages && Date.now() - newsAt < idleMs) await wait(50);
  })();
  return {
    all,
    count: () => ({ distinct, repeated, disorder }),
    async close() {
      await subscription.close();
      await broker.close();
    },
  };
}

/** Until the signal; then everything works again. Resolves with how often. */
async function disturb(
  { cluster, random }: { readonly cluster: Cluster; readonly random: Random },
  signal: AbortSignal,
): Promise<number> {
  const kinds = faults.filter(({ name }) => disturbed.includes(name));
  let times = 0;
  for (;;) {
    await wait(pauseMs, null, { signal }).catch(() => undefined);
    if (signal.aborted) return times;
    const fault = kinds[Math.floor(random() * kinds.length)];
    const place = random() < 0.5 && fault?.name !== "blocked" ? "kafka" : "rabbitmq";
    if (fault === undefined) return times;
    times += 1;
    await fault.begin(place, cluster);
    await wait(fault.lasts[0] + random() * (fault.lasts[1] - fault.lasts[0]));
    await fault.end(place, cluster);
  }
}
