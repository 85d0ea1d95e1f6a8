// The other side of P5: the round trips of a flow alone, one after the other, with bare clients. A trip is over when
// the consumer has what was sent; nothing is decided, recorded or waited for in between.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import Database from "libsql";
import { connectRabbit, kafkaOf } from "./bridge-loops.ts";
import type { RealServers } from "./real-servers.ts";

export type Trips = {
  readonly kafka: () => Promise<void>;
  readonly rabbitmq: () => Promise<void>;
  /** One row in a file of its own, on disk when it returns. */
  readonly commit: () => void;
  readonly close: () => Promise<void>;
};

/** As large as what a flow sends and records. */
const bodyBytes = 700;
const rowBytes = 2400;

export async function openTrips(servers: RealServers, directory: string): Promise<Trips> {
  const name = `bench.${randomUUID()}`;
  const kafka = await openKafka(servers, name);
  const rabbitmq = await openRabbit(servers, name);
  const { close, commit } = openRows(directory);
  return {
    ...{ kafka: kafka.trip, rabbitmq: rabbitmq.trip, commit },
    async close() {
      await kafka.close();
      await rabbitmq.close();
      close();
    },
  };
}

async function openKafka(servers: RealServers, name: string) {
  const kafka = kafkaOf(servers);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 4 }], waitForLeaders: true });
  const producer = kafka.producer();
  await producer.connect();
  const consumer = kafka.consumer({ groupId: name, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [name], fromBeginning: true });
  const arrivals = createArrivals();
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { key } of batch.messages) arrivals.came(String(key));
    },
  });
  return {
    async trip() {
      const id = randomUUID();
      const arrived = arrivals.of(id);
      const value = Buffer.alloc(bodyBytes, "x");
      await producer.send({ topic: name, acks: -1, messages: [{ key: id, value }] });
      await arrived;
    },
    async close() {
      await Promise.all([consumer.disconnect(), producer.disconnect()]);
      await admin.deleteTopics({ topics: [name] });
      await admin.disconnect();
    },
  };
}

/** Two connections, as ours: one publishes, the other one consumes. */
async function openRabbit(servers: RealServers, name: string) {
  const [publishing, consuming] = [await connectRabbit(servers), await connectRabbit(servers)];
  const sender = await publishing.createConfirmChannel();
  const receiver = await consuming.createChannel();
  await receiver.assertExchange(name, "fanout", { durable: true });
  await receiver.assertQueue(name, { durable: true });
  await receiver.bindQueue(name, name, "");
  const arrivals = createArrivals();
  const { consumerTag } = await receiver.consume(name, (message) => {
    if (message === null) throw new Error(`${name} was deleted`);
    arrivals.came(String(message.properties.messageId));
    receiver.ack(message);
  });
  return {
    async trip() {
      const messageId = randomUUID();
      const arrived = arrivals.of(messageId);
      sender.publish(name, "", Buffer.alloc(bodyBytes, "x"), { persistent: true, messageId });
      await arrived;
    },
    async close() {
      await sender.waitForConfirms();
      await receiver.cancel(consumerTag);
      await receiver.deleteQueue(name);
      await receiver.deleteExchange(name);
      await Promise.all([publishing.close(), consuming.close()]);
    },
  };
}

function createArrivals() {
  const waiting = new Map<string, () => void>();
  return {
    of: (id: string) => new Promise<void>((resolve) => waiting.set(id, resolve)),
    /** Throws if nobody waits for it, or not any more: each comes once. */
    came(id: string) {
      const resolve = waiting.get(id);
      if (resolve === undefined) throw new Error(`${id} came again`);
      waiting.delete(id);
      resolve();
    },
  };
}

function openRows(directory: string) {
  const database = new Database(join(directory, "rows.db"));
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("PRAGMA synchronous=FULL");
  database.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  const insert = database.prepare("INSERT INTO rows (body) VALUES (?)");
  const body = "x".repeat(rowBytes);
  return { commit: () => void insert.run(body), close: () => void database.close() };
}
