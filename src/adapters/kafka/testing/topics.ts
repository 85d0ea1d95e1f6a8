import kafkajs from "kafkajs";
import type { EventLog } from "../../../pipeline/ports/event-log.ts";

/** The topics that a test makes on a real broker: noted, compacted on request, and removed in the end. */
export async function openTopics(brokers: readonly string[]) {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const names = new Set<string>();
  return {
    note: (name: string) => void names.add(name),
    noting: (log: EventLog): EventLog => ({
      ...log,
      async createTopic(topic) {
        names.add(topic.name);
        await log.createTopic(topic);
      },
    }),
    /** The last segment is never compacted: one more record, of another key, begins a new one. */
    async compact(topic: string): Promise<void> {
      const entries = {
        "cleanup.policy": "compact",
        "segment.ms": "1",
        "min.cleanable.dirty.ratio": "0",
      };
      const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
      const [type, resource] = [kafkajs.ConfigResourceTypes.TOPIC, { name: topic, configEntries }];
      await admin.alterConfigs({ validateOnly: false, resources: [{ type, ...resource }] });
      const producer = kafka.producer({
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await producer.send({ topic, messages: [{ key: "compaction", value: "compaction" }] });
      await producer.disconnect();
      await isCompacted(kafka, topic);
    },
    async remove(): Promise<void> {
      if (names.size > 0) await admin.deleteTopics({ topics: [...names] });
      await admin.disconnect();
    },
  };
}

/** Reads the topic until an offset is missing. */
async function isCompacted(kafka: kafkajs.Kafka, topic: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const consumer = kafka.consumer({ groupId: `${topic}-${attempt}`, maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const offsets: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: kafkajs.EachMessagePayload) => {
        offsets.push(Number(message.offset));
        if (String(message.value) === "compaction") resolve();
      };
      consumer.run({ autoCommit: false, eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    if (offsets.length <= (offsets.at(-1) ?? 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${topic} was not compacted`);
}
