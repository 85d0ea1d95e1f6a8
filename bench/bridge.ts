// P6: messages per second over the bridge from Kafka to RabbitMQ, on real servers: our service with its journal on
// disk, compared with loops written by hand. All sides read the same records in groups of their own, and publish into
// the same queue, which nobody reads meanwhile: its length is the clock. Joining a group does not count.
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import type { Channel } from "amqplib";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createRandomIds } from "../src/adapters/memory/ids.ts";
import { openTransports } from "../src/commands/compose-transports.ts";
import { encode } from "../src/pipeline/delivery/wire.ts";
import {
  connectRabbit,
  kafkaOf,
  type Loop,
  naiveLoop,
  safeLoop,
  type Way,
} from "./bridge-loops.ts";
import { byTurns, type Figure, spread } from "./measure.ts";
import { ourBridge } from "./our-bridge.ts";
import type { RealServers } from "./real-servers.ts";
import { uploaded } from "./shell.ts";

type Start = (servers: RealServers, way: Way) => Promise<Loop>;
type Work = { readonly rounds: number; readonly messages: number };

const partitions = 4;
/** The naive loop gets fewer, so that a run ends. */
const naiveShare = 0.05;
const patienceMs = 120_000;

export async function bridge(servers: RealServers, work: Work): Promise<readonly Figure[]> {
  const name = `bench.${createRandomIds(createSystemClock()).create()}`;
  const few = Math.ceil(work.messages * naiveShare);
  const all = await prepare(servers, `${name}.all`, work.messages);
  const some = await prepare(servers, `${name}.few`, few);
  try {
    const [ours, safe, naive] = await byTurns(work.rounds, [
      () => all.round(ourBridge),
      () => all.round(safeLoop),
      () => some.round(naiveLoop),
    ]);
    if (ours === undefined || safe === undefined || naive === undefined)
      throw new Error("a side was not measured");
    const unit = "messages/s";
    const overSafe = ours.median / safe.median;
    const overNaive = ours.median / naive.median;
    return [
      {
        ...{ id: "P6", what: "messages/s over the best safe loop's", value: overSafe },
        ...{ goal: "≥ 0.95", isMet: overSafe >= 0.95 },
        detail: `${spread(ours, unit)} over ${spread(safe, unit)}, ${work.messages} messages`,
      },
      {
        ...{ id: "P6", what: "messages/s over the naive loop's", value: overNaive },
        ...{ goal: "≥ 10", isMet: overNaive >= 10 },
        detail: `${spread(ours, unit)} over ${spread(naive, unit)}, ${few} messages`,
      },
    ];
  } finally {
    await all.remove();
    await some.remove();
  }
}

/** A topic with so many records, and an exchange with one queue. */
async function prepare(servers: RealServers, name: string, messages: number) {
  const sent = await fill(servers, name, messages);
  const model = await connectRabbit(servers);
  const channel = await model.createChannel();
  await channel.assertExchange(name, "fanout", { durable: true });
  await channel.assertQueue(name, { durable: true });
  await channel.bindQueue(name, name, "");
  let rounds = 0;
  const round = async (start: Start): Promise<number> => {
    rounds += 1;
    const way = { topic: name, group: `${name}.${rounds}`, exchange: name };
    const loop = await start(servers, way);
    const rate = await measured(channel, name, messages);
    await loop.stop();
    await requireExact(channel, name, sent);
    await requireCommitted(servers, way, messages);
    return rate;
  };
  const remove = async () => {
    await channel.deleteQueue(name);
    await channel.deleteExchange(name);
    await model.close();
    await onKafka(servers, (admin) => admin.deleteTopics({ topics: [name] }));
  };
  return { round, remove };
}

/** From the first messages in the queue to the last one. */
async function measured(channel: Channel, queue: string, messages: number): Promise<number> {
  const count = async () => (await channel.checkQueue(queue)).messageCount;
  const endsAt = performance.now() + patienceMs;
  let first = await count();
  while (first === 0 && performance.now() < endsAt) first = await count();
  const startedAt = performance.now();
  let last = first;
  while (last < messages && performance.now() < endsAt) {
    await wait(2);
    last = await count();
  }
  if (last < messages) throw new Error(`${last} of ${messages} messages came over the bridge`);
  return (messages - first) / ((performance.now() - startedAt) / 1000);
}

/** Empties the queue, which must have one message of each of these flows. */
export async function requireExact(
  channel: Channel,
  queue: string,
  sent: ReadonlySet<string>,
): Promise<void> {
  const came: string[] = [];
  const { consumerTag } = await channel.consume(
    queue,
    (message) => void came.push(String(message?.properties.correlationId)),
    { noAck: true },
  );
  // One that came twice would be among the last.
  for (let seen = -1; came.length < sent.size || came.length > seen; await wait(100))
    seen = came.length;
  await channel.cancel(consumerTag);
  const distinct = new Set(came);
  const isExact = came.length === sent.size && [...sent].every((flowId) => distinct.has(flowId));
  if (!isExact) throw new Error(`${came.length} of ${sent.size} came, ${distinct.size} distinct`);
}

/** What was not committed would come again. */
async function requireCommitted(
  servers: RealServers,
  { group, topic }: Way,
  messages: number,
): Promise<void> {
  await onKafka(servers, async (admin) => {
    const [of] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    const ends = (of?.partitions ?? []).reduce((sum, { offset }) => sum + Number(offset), 0);
    if (ends !== messages) throw new Error(`${ends} of ${messages} offsets were committed`);
    await admin.deleteGroups([group]);
  });
}

async function onKafka(
  servers: RealServers,
  work: (admin: ReturnType<ReturnType<typeof kafkaOf>["admin"]>) => Promise<void>,
): Promise<void> {
  const admin = kafkaOf(servers).admin();
  await admin.connect();
  await work(admin).finally(() => admin.disconnect());
}

/** Returns the flows that it sent. */
async function fill(servers: RealServers, topic: string, count: number) {
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const { close, log } = await openTransports(servers, fail);
  await log.createTopic({ name: topic, partitions });
  const sent = new Set<string>();
  const appending: Promise<unknown>[] = [];
  for (let at = 0; at < count; at += 1) {
    const message = uploaded(ids.create(), clock.nowMs());
    sent.add(message.flowId);
    const encoded = encode(message);
    if (encoded.transport !== "kafka") throw new Error("an upload is told on Kafka");
    appending.push(log.append({ ...encoded.record, topic }));
  }
  await Promise.all(appending);
  await close();
  return sent;
}

function fail(error: unknown): never {
  throw error;
}
