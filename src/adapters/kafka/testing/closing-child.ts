// Reads a topic until it is told to close, then has to end by itself: closing-child.ts <brokers> <topic>
import { createKafkaEventLog } from "../event-log.ts";

const [brokers = "", topic = ""] = process.argv.slice(2);
const log = await createKafkaEventLog({ brokers: brokers.split(","), onError: () => {} });
await log.createTopic({ name: topic, partitions: 1 });
await log.subscribe(
  { group: topic, topics: [topic], from: "earliest", window: 10 },
  async (delivery) => {
    await delivery.commit();
    process.send?.("read");
  },
);
await log.append({ topic, key: null, headers: [], body: Uint8Array.of(1) });
process.once("message", () => {
  void log.close().then(() => process.disconnect());
});
