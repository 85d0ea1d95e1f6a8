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
    forget: (name: string) => void names.delete(name),
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
    /** As the broker does with a member that gives no sign. */
    async removeMembers(groupId: string): Promise<void> {
      const { groups } = await admin.describeGroups([groupId]);
      const members = groups.flatMap((group) => group.members);
      const { close, coordinator } = await coordinatorOf(kafka, groupId);
      for (const { memberId } of members) await coordinator.leaveGroup({ groupId, memberId });
      await close();
    },
    async remove(): Promise<void> {
      if (names.size > 0) await admin.deleteTopics({ topics: [...names] });
      await admin.disconnect();
    },
  };
}

/** Kafka's request LeaveGroup, which kafkajs has but does not declare. */
type Coordinator = { leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown> };

/** kafkajs gives its connections to the assigners of a consumer only. */
async function coordinatorOf(kafka: kafkajs.Kafka, groupId: string) {
  let cluster: kafkajs.Cluster | null = null;
  const assigner: kafkajs.PartitionAssigner = (config) => {
    cluster = config.cluster;
    return kafkajs.PartitionAssigners.roundRobin(config);
  };
  const consumer = kafka.consumer({ groupId, partitionAssigners: [assigner] });
  await consumer.connect();
  const found = await (cluster as kafkajs.Cluster | null)?.findGroupCoordinator({ groupId });
  const coordinator = found as unknown as Coordinator; // see there
  return { coordinator, close: () => consumer.disconnect() };
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
