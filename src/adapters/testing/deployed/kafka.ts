import kafkajs from "kafkajs";

// What the deployed services have of Confluent's client, on kafkajs.

export function kafkaOf(brokers: string, clientId: string): kafkajs.Kafka {
  return new kafkajs.Kafka({
    brokers: brokers.split(","),
    clientId,
    logLevel: kafkajs.logLevel.NOTHING,
  });
}

export type Consumed = {
  readonly topic: string;
  readonly text: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** Creates what it produces to, if need be: on the cluster that is done by hand. */
export async function createTopics(kafka: kafkajs.Kafka, ...names: string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: names.map((topic) => ({ topic, numPartitions: 4, replicationFactor: 1 })),
  });
  await admin.disconnect();
}

/**
 * Commits whatever has been handled, whether it worked or not, as auto-commit does. An error of the handler ends the
 * consumer for good. Resolves when it has its partitions and their positions: with `latest` what was produced before is
 * not consumed.
 */
export async function consumeTopics(
  kafka: kafkajs.Kafka,
  options: {
    readonly group: string;
    readonly topics: readonly string[];
    readonly from: "earliest" | "latest";
    readonly onStopped?: (error: unknown) => void;
  },
  handle: (consumed: Consumed) => Promise<void>,
): Promise<kafkajs.Consumer> {
  const { from, group, topics } = options;
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 50, sessionTimeout: 10_000 });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: from === "earliest" });
  const fetched = new Promise<void>((resolve) => {
    consumer.on(consumer.events.FETCH, () => resolve());
  });
  let isStopped = false;
  await consumer.run({
    eachMessage: async ({ message, topic }) => {
      if (isStopped) return;
      try {
        await handle(consumedOf(topic, message));
      } catch (error) {
        isStopped = true;
        options.onStopped?.(error);
        setImmediate(() => void consumer.disconnect());
      }
    },
  });
  await fetched;
  return consumer;
}

function consumedOf(topic: string, { headers = {}, key, value }: kafkajs.KafkaMessage): Consumed {
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
  return {
    topic,
    text: String(value ?? ""),
    key: key === null ? null : String(key),
    headers: Object.fromEntries(texts),
  };
}
