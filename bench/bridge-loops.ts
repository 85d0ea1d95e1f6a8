// The other sides of P6: what somebody writes by hand with kafkajs and amqplib. Bytes and headers are passed on as they
// come; neither side has a journal, knows a message again, or survives a lost connection.
import amqplib, { type ChannelModel } from "amqplib";
import kafkajs, {
  type Consumer,
  type EachBatchPayload,
  type Kafka,
  type KafkaMessage,
} from "kafkajs";
import { headersFrom } from "../src/adapters/kafka/wire-headers.ts";
import type { RealServers } from "./real-servers.ts";

export type Way = {
  readonly topic: string;
  readonly group: string;
  readonly exchange: string;
};
/** Runs until it is stopped. */
export type Loop = { readonly stop: () => Promise<void> };

/** Publications on their way to RabbitMQ: as many as ours. */
const windowSize = 1024;
const commitEveryMs = 500;

export async function connectRabbit({ rabbitmq }: RealServers): Promise<ChannelModel> {
  const { host: hostname, password, port, user: username } = rabbitmq;
  return amqplib.connect({ hostname, port, username, password }, { noDelay: true });
}

export function kafkaOf({ kafka }: RealServers): Kafka {
  const logLevel = kafkajs.logLevel.NOTHING;
  return new kafkajs.Kafka({ brokers: [...kafka.brokers], clientId: "bench", logLevel });
}

/** One record at a time: publish, wait for the confirm, commit. */
export async function naiveLoop(servers: RealServers, way: Way): Promise<Loop> {
  const model = await connectRabbit(servers);
  const channel = await model.createConfirmChannel();
  const consumer = kafkaOf(servers).consumer({ groupId: way.group });
  await consumer.connect();
  await consumer.subscribe({ topics: [way.topic], fromBeginning: true });
  const publish = (message: KafkaMessage) =>
    new Promise<void>((resolve, reject) => {
      const onConfirm = (error: unknown) => (error === null ? resolve() : reject(error));
      channel.publish(way.exchange, "", bodyOf(message), optionsOf(message), onConfirm);
    });
  const oneByOne = async (payload: EachBatchPayload) => {
    const { partition, topic } = payload.batch;
    for (const message of payload.batch.messages) {
      await publish(message);
      payload.resolveOffset(message.offset);
      const partitions = [{ partition, offset: String(Number(message.offset) + 1) }];
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] });
      await payload.heartbeat();
    }
  };
  let working = Promise.resolve();
  await consumer.run({
    ...{ autoCommit: false, eachBatchAutoResolve: false },
    eachBatch(payload) {
      working = oneByOne(payload);
      return working;
    },
  });
  return {
    async stop() {
      await working;
      await stop(consumer, model);
    },
  };
}

/**
 * A window of confirms; an offset is committed behind the contiguous prefix of what was confirmed. A batch is not
 * waited for: the next one is fetched meanwhile.
 */
export async function safeLoop(servers: RealServers, way: Way): Promise<Loop> {
  const model = await connectRabbit(servers);
  const channel = await model.createConfirmChannel();
  const consumer = kafkaOf(servers).consumer({ groupId: way.group, maxWaitTimeInMs: 100 });
  const prefixes = new Map<number, Prefix>();
  const room = createRoom(windowSize);
  await consumer.connect();
  await consumer.subscribe({ topics: [way.topic], fromBeginning: true });
  const commit = async () => {
    const due = [...prefixes].flatMap(([partition, prefix]) => {
      const offset = prefix.due();
      return offset === null ? [] : [{ topic: way.topic, partition, offset: String(offset) }];
    });
    if (due.length > 0) await consumer.commitOffsets(due);
  };
  await consumer.run({
    ...{ autoCommit: false, eachBatchAutoResolve: true, partitionsConsumedConcurrently: 4 },
    async eachBatch({ batch, heartbeat }) {
      const prefix = prefixes.get(batch.partition) ?? createPrefix();
      prefixes.set(batch.partition, prefix);
      for (const message of batch.messages) {
        if (room.isFull()) await room.enter();
        const done = prefix.begin(Number(message.offset));
        room.take();
        channel.publish(way.exchange, "", bodyOf(message), optionsOf(message), (error: unknown) => {
          if (error !== null) throw error;
          room.leave();
          done();
        });
      }
      await heartbeat();
    },
  });
  let committing = Promise.resolve();
  const timer = setInterval(() => {
    committing = committing.then(commit);
  }, commitEveryMs);
  return {
    async stop() {
      clearInterval(timer);
      await channel.waitForConfirms();
      await committing;
      await commit();
      await stop(consumer, model);
    },
  };
}

type Prefix = {
  /** Call what it returns when that record is confirmed. */
  begin(offset: number): () => void;
  /** The offset behind the contiguous prefix, if it has moved since. */
  due(): number | null;
};

function createPrefix(): Prefix {
  const open = new Set<number>();
  let next = 0;
  let told = 0;
  return {
    begin(offset) {
      open.add(offset);
      next = offset + 1;
      return () => void open.delete(offset);
    },
    due() {
      const [first = next] = open; // in order
      if (first === told) return null;
      told = first;
      return first;
    },
  };
}

function createRoom(size: number) {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return {
    isFull: () => inside >= size,
    enter: () => new Promise<void>((resolve) => waiting.push(resolve)),
    take() {
      inside += 1;
    },
    leave() {
      inside -= 1;
      waiting.shift()?.();
    },
  };
}

async function stop(consumer: Consumer, model: ChannelModel): Promise<void> {
  await consumer.disconnect();
  await model.close();
}

function bodyOf({ value }: KafkaMessage): Buffer {
  return value ?? Buffer.alloc(0);
}

/** Our adapter has taught kafkajs to keep the order of headers, for everybody in this process. */
function optionsOf({ headers }: KafkaMessage) {
  const text = Object.fromEntries(
    headersFrom(headers).map(({ name, value }) => [name, String(value)]),
  );
  const of = (name: string) => text[name] ?? "";
  return {
    ...{ persistent: true, headers: text, contentType: "application/json" },
    ...{ messageId: of("x-message-id"), correlationId: of("x-correlation-id") },
  };
}
