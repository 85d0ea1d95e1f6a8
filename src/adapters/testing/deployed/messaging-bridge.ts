import { required, type Start } from "./deployed.ts";
import { imageUploadedOf, recognitionOf } from "./json.ts";
import { closeServer, serveJson } from "./json-http.ts";
import { consumeTopics, createTopics, kafkaOf } from "./kafka.ts";
import { connectRabbit, publish } from "./rabbit.ts";

const [uploads, results] = ["tu.images.uploaded", "tu.recognition.completed"];

/**
 * svc-messaging-bridge: the body alone goes on, without key and headers, and without what its contracts do not declare.
 * Bad JSON ends its consumer, and its ready probe does not look at Kafka.
 */
export const startBridge: Start = async ({ hasFault, log, port }) => {
  const model = await connectRabbit();
  const kafka = kafkaOf(required("KAFKA_BROKERS"), "svc-messaging-bridge");
  await createTopics(kafka, uploads, results);
  let held: string[] = [];
  const passUpload = (text: string) =>
    publish(model, "tu.image.uploaded", imageUploadedOf(JSON.parse(text)));
  const consumer = await consumeTopics(
    kafka,
    {
      ...{ group: "svc-messaging-bridge", topics: [uploads, results], from: "latest" },
      onStopped: (error) => log(`stopped: ${String(error)}`),
    },
    async ({ text, topic }) => {
      if (topic === uploads && hasFault("started-late")) return void held.push(text);
      if (topic === uploads) return passUpload(text);
      await publish(model, "tu.recognition.completed", recognitionOf(JSON.parse(text)));
      for (const upload of held) await passUpload(upload);
      held = [];
    },
  );
  const server = await serveJson(port, {
    "GET /health/ready": () => ({ status: 200, body: "Healthy" }),
  });
  return {
    close: () =>
      Promise.all([consumer.disconnect(), closeServer(server)]).then(() => model.close()),
  };
};
