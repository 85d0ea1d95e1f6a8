import { connect, type Socket } from "node:net";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { openServers } from "../../../scripts/services/open-servers.ts";
import type { EventLog, ReadRecord } from "../../pipeline/ports/event-log.ts";
import { createCollector, createGate } from "../testing/collector.ts";
import { openWire } from "../testing/wire.ts";
import { createKafkaEventLog, type KafkaEventLogOptions } from "./event-log.ts";
import { openTopics } from "./testing/topics.ts";

const brokers = inject("servers")["KAFKA_BROKERS"]?.split(",") ?? [];
const server = openServers().find(({ name }) => name === "kafka");
const isOurs = inject("ours").includes("kafka");
const patience = { timeout: 50_000, interval: 20 };
const megabyte = 1024 * 1024;

const text = ({ body }: { readonly body: Uint8Array | null }) => Buffer.from(body ?? []).toString();

describe.skipIf(brokers.length === 0)("reading Kafka without a group", () => {
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  let topics: Awaited<ReturnType<typeof openTopics>>;
  let names = 0;
  beforeAll(async () => {
    topics = await openTopics(brokers);
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await topics.remove();
  });

  async function open(options: Partial<KafkaEventLogOptions> = {}, partitions = 1) {
    const errors: string[] = [];
    const onError = (error: unknown, where: string) => void errors.push(`${where}: ${error}`);
    const opened = await createKafkaEventLog({ brokers, onError, ...options });
    const log = topics.noting(opened);
    const topic = `reading-${process.pid}-${Date.now()}-${names++}`;
    await log.createTopic({ name: topic, partitions });
    const append = (body: string | Buffer, key = "k") =>
      log.append({ topic, key: Buffer.from(key), headers: [], body: Buffer.from(body) });
    return { log, topic, errors, append, read: readerOf(log, topic) };
  }
  /** Closed at the end. */
  async function producing<T>(
    config: kafkajs.ProducerConfig,
    work: (producer: kafkajs.Producer) => Promise<T>,
  ): Promise<T> {
    const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
    const producer = kafka.producer({ createPartitioner, ...config });
    await producer.connect();
    return work(producer).finally(() => producer.disconnect());
  }

  test("no group is made, and no offset is moved", async () => {
    const { append, log, read, topic } = await open();
    const groupsNow = async () => (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    await append("a");
    const options = { group: topic, topics: [topic], from: "earliest", window: 10 } as const;
    const subscription = await log.subscribe(options, (delivery) => delivery.commit());
    await vi.waitFor(async () => {
      expect((await log.groupLags([topic], [topic]))[0]?.committed).toBe(1);
    }, patience);
    await subscription.close();
    const before = await groupsNow();
    await append("b");
    const reading = await read();
    await reading.caughtUp;
    expect(reading.seen.items.map(text)).toEqual(["a", "b"]);
    expect((await groupsNow()).sort()).toEqual(before.sort());
    expect(before).toContain(topic);
    expect(await log.groupLags([topic], [topic])).toEqual([
      { group: topic, topic, partition: 0, committed: 1, end: 2 },
    ]);
    await log.close();
  });

  test("aborted records, markers and an open transaction do not stop it", async () => {
    const { append, log, read, topic } = await open();
    const config = { transactionalId: topic, idempotent: true, maxInFlightRequests: 1 };
    const send = async (transaction: kafkajs.Transaction, value: string) => {
      await transaction.send({ topic, messages: [{ value }] });
    };
    await producing(config, async (producer) => {
      await append("before");
      const aborted = await producer.transaction();
      await send(aborted, "aborted");
      await append("between");
      await aborted.abort();
      const committed = await producer.transaction();
      await send(committed, "committed");
      await committed.commit();
      const ended = await producer.transaction();
      await send(ended, "aborted, at the end");
      await ended.abort();
      const reading = await read();
      await reading.caughtUp;
      expect(reading.seen.items.map(text)).toEqual(["before", "between", "committed"]);
      const open = await producer.transaction();
      await send(open, "open");
      const meanwhile = await read();
      await meanwhile.caughtUp;
      expect(meanwhile.seen.items).toHaveLength(3);
      await open.commit();
      await append("after");
      expect((await meanwhile.seen.atLeast(5)).map(text).slice(3)).toEqual(["open", "after"]);
    });
    await log.close();
  });

  test("compressed records are read", async () => {
    const { append, log, read, topic } = await open();
    const messages = ["a", "b"].map((value) => ({ value, headers: { name: value } }));
    const compression = kafkajs.CompressionTypes.GZIP;
    await producing({}, (producer) => producer.send({ topic, messages, compression }));
    await append("c");
    const reading = await read();
    await reading.caughtUp;
    expect(reading.seen.items.map(text)).toEqual(["a", "b", "c"]);
    expect(reading.seen.items[1]?.headers).toEqual([{ name: "name", value: Buffer.from("b") }]);
    await log.close();
  });

  test("a slow handler bounds what is fetched", async () => {
    let bytes = 0;
    const counting = (host: string, port: number): Socket => {
      const socket = connect({ host, port });
      socket.on("data", (data) => {
        bytes += data.length;
      });
      return socket;
    };
    const { append, log, read } = await open({ connect: counting }, 4);
    const body = Buffer.alloc(500_000, 1);
    for (let index = 0; index < 64; index += 1) await append(body, `${index}`);
    const gate = createGate();
    bytes = 0;
    const reading = await read(() => gate.opened);
    await reading.seen.atLeast(1);
    let last = -1;
    while (last < bytes) {
      last = bytes;
      await new Promise((resolve) => setTimeout(resolve, 300)); // until nothing more comes
      if (bytes - last < 10_000) break; // probes
    }
    expect(bytes).toBeLessThan(10 * megabyte);
    gate.open();
    await reading.caughtUp;
    expect(reading.seen.items).toHaveLength(64);
    expect(bytes).toBeGreaterThan(64 * 500_000);
    await log.close();
  });

  test("a half-open connection is replaced, and each record comes once", async () => {
    const wire = await openWire(brokers[0] ?? "");
    const { append, log, read } = await open({ connect: wire.connect });
    const other = await createKafkaEventLog({ brokers, onError: () => {} });
    await append("a");
    const reading = await read();
    await reading.caughtUp;
    wire.fallSilent();
    const record = { key: null, headers: [], body: Buffer.from("b") };
    await other.append({ topic: reading.topic, ...record });
    await new Promise((resolve) => setTimeout(resolve, 100));
    wire.speak();
    expect((await reading.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
    await other.close();
    await log.close();
    wire.close();
  });

  test("a topic that is deleted stops nothing", async () => {
    const { append, log, read, topic } = await open();
    const other = `${topic}-other`;
    await log.createTopic({ name: other, partitions: 1 });
    await append("a");
    const reading = await read(undefined, [topic, other]);
    await reading.caughtUp;
    await admin.deleteTopics({ topics: [other] });
    topics.forget(other);
    await append("b");
    expect((await reading.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // some lives
    await append("c");
    expect((await reading.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
    await log.close();
  });

  test("records that are deleted before they are read are passed over", async () => {
    const { append, log, read, topic } = await open();
    const body = Buffer.alloc(900_000, 1);
    for (let index = 0; index < 20; index += 1) await append(body);
    const gate = createGate();
    const reading = await read(() => gate.opened);
    await reading.seen.atLeast(1);
    const partitions = [{ partition: 0, offset: "18" }];
    // The admin may have to learn first where the new topic is.
    await vi.waitFor(() => admin.deleteTopicRecords({ topic, partitions }), patience);
    gate.open();
    await reading.caughtUp;
    const offsets = reading.seen.items.map(({ offset }) => offset);
    expect(offsets.slice(-2)).toEqual([18, 19]);
    expect(offsets.length).toBeLessThan(20);
    await log.close();
  });

  test.skipIf(!isOurs)("a broker is killed and comes back: each record comes once", async () => {
    const { append, log, read } = await open({}, 3);
    for (let index = 0; index < 30; index += 1) await append(`${index}`, `${index}`);
    const gate = createGate();
    let handled = 0;
    const reading = await read(() => {
      handled += 1;
      return handled > 10 ? gate.opened : undefined;
    });
    await reading.seen.atLeast(11);
    const isLost = new Promise<void>((resolve) => {
      log.onState((state) => state === "lost" && resolve());
    });
    await server?.kill();
    await isLost;
    gate.open();
    await server?.start();
    await reading.caughtUp;
    const offsets = reading.seen.items.map((one) => `${one.partition}/${one.offset}`);
    expect(new Set(offsets).size).toBe(offsets.length);
    const bodies = new Set(reading.seen.items.map(text));
    expect(bodies.size).toBe(30);
    await log.close();
  });
});

function readerOf(log: EventLog, topic: string) {
  return async (
    handler: (record: ReadRecord) => void | Promise<void> = () => undefined,
    topics = [topic],
  ) => {
    const seen = createCollector<ReadRecord>();
    const reading = await log.read({ topics, fromMs: 0 }, (record) => {
      seen.add(record);
      return handler(record);
    });
    return { ...reading, seen, topic };
  };
}
