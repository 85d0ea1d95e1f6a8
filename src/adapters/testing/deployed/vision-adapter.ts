import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Running, required, type Start } from "./deployed.ts";
import { members, textOf } from "./json.ts";
import { closeServer, postJson, serveJson } from "./json-http.ts";
import { type Consumed, consumeTopics, createTopics, kafkaOf } from "./kafka.ts";

const [uploads, results] = ["tu.images.uploaded", "tu.recognition.completed"];
const bytesMax = 10 * 1024 * 1024;

/**
 * svc-ai-vision-adapter: one upload at a time, at most once. Whatever goes wrong is a line in its log, and the offset is
 * committed.
 */
export const startVisionAdapter: Start = async (running) => {
  const kafka = kafkaOf(required("KAFKA_BROKERS"), "svc-ai-vision-adapter");
  await createTopics(kafka, uploads, results);
  const producer = kafka.producer();
  await producer.connect();
  const server = await serveJson(running.port, {
    "GET /healthz": () => ({ status: 200, body: { status: "healthy" } }),
  });
  const consuming = {
    group: "svc-ai-vision-adapter",
    topics: [uploads],
    from: "earliest",
  } as const;
  const consumer = await consumeTopics(kafka, consuming, async (consumed) => {
    try {
      const { key, value, flowId } = await recognised(consumed, running);
      const headers = {
        "x-schema": "recognition.completed.v0",
        "x-producer": "svc-ai-vision-adapter",
        "x-correlation-id": flowId,
      };
      await producer.send({ topic: results, messages: [{ key, value, headers }] });
    } catch (error) {
      running.log(String(error));
    }
    await pause(100);
  });
  return {
    close: () =>
      Promise.all([consumer.disconnect(), closeServer(server)]).then(() => producer.disconnect()),
  };
};

async function recognised({ headers, text }: Consumed, { hasFault }: Running) {
  const objectKey = textOf(members(JSON.parse(text))["objectkey"]);
  const path = hasFault("bare-get-url") ? "/get-url" : "/internal/v0/media/get-url";
  const mediaAccess = new URL(path, required("MediaAccess__BaseUrl"));
  await postJson(String(mediaAccess), { objectKey }); // asked twice, used once
  const { url } = await postJson(String(mediaAccess), { objectKey });
  await fetchImage(textOf(url));
  if (hasFault("vision-fails")) throw new Error("Vision: PermissionDenied");
  const value = JSON.stringify(result);
  return { key: objectKey, value, flowId: headers["x-correlation-id"] ?? randomUUID() };
}

async function fetchImage(url: string): Promise<void> {
  const headers = { accept: "image/*", "user-agent": "svc-ai-vision-adapter" };
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`fetching the image: ${response.status}`);
  const type = response.headers.get("content-type") ?? "";
  if (!/^(image\/|application\/octet-stream)/.test(type)) throw new Error(`not an image: ${type}`);
  const { byteLength } = await response.arrayBuffer();
  if (byteLength === 0 || byteLength > bytesMax) throw new Error(`${byteLength} bytes`);
}

/** The same for every picture: recognition is not what is tried. No key, no flow, no time. */
const result = {
  provider: {
    name: "vision",
    apiVersion: "v1",
    featureset: ["LogoDetection", "TextDetection", "WebDetection"],
    maxResults: 5,
    reasoningName: null,
    reasoningModel: null,
  },
  aggregate: {
    brand: "Hitachi",
    machineType: "Excavator",
    model: "ZX135",
    weight: null,
    year: null,
    attachment: null,
    confidence: 0.9,
    isConfident: true,
    typeConfidence: 1.1,
    typeSource: "web_entity",
    name: "Hitachi, Excavator, ZX135",
  },
};
