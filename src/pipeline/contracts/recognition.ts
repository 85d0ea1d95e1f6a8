import * as z from "zod";
import { Evidence } from "../recognition/recognise.ts";
import {
  broadcast,
  type Contract,
  command,
  flowNames,
  type Route,
  stepListeners,
} from "./contract.ts";
import { failureCounterpart } from "./failure.ts";
import { uploadFields } from "./upload.ts";

/** Written as null, as .NET does; readers treat a missing value as null. */
function textOrNull() {
  return z.string().nullable().default(null);
}

/** `meta.alias`: another spelling that readers accept (today's adapter writes `machineType`). */
const machineType = textOrNull().meta({ alias: "type" });
const type = textOrNull().meta({ alias: "machineType" });

export const Provider = z.object({
  name: z.string(),
  apiVersion: textOrNull(),
  featureset: z.array(z.string()).default([]),
  maxResults: z.int().nullable().default(null),
});
const ProviderWithReasoning = Provider.extend({
  reasoningName: textOrNull(),
  reasoningModel: textOrNull(),
});

const verdictFields = {
  confidence: z.number().min(0).max(1),
  isConfident: z.boolean(),
  typeConfidence: z.number().min(0).nullable().default(null),
  typeSource: textOrNull(),
  name: textOrNull(),
};
const detailFields = {
  weight: z.number().nullable().default(null),
  year: textOrNull(),
  attachment: z.array(z.string()).nullable().default(null),
};
const brand = textOrNull();
const model = textOrNull();

/** The part of an aggregate that the messaging library keeps: today's body on RabbitMQ, and for clients. */
export const SlimAggregate = z.object({ brand, type, model, ...verdictFields });

/** Body of `tu.recognition.completed` on RabbitMQ, and the `recognitionPayload` of the end event. */
export const RecognitionPayload = z.object({ provider: Provider, aggregate: SlimAggregate });
export type RecognitionPayload = z.infer<typeof RecognitionPayload>;

/** Body of `tu.recognition.completed` on Kafka. Field order matches the real adapter's. */
export const KafkaRecognition = z.object({
  provider: ProviderWithReasoning,
  aggregate: z.object({ brand, machineType, model, ...detailFields, ...verdictFields }),
});
export type KafkaRecognition = z.infer<typeof KafkaRecognition>;

/** The full recognition result in flow `full`. `evidence` lists what was read, where, and with which confidence. */
export const RecognitionCompleted = z.object({
  objectKey: z.string(),
  provider: ProviderWithReasoning,
  aggregate: z.object({ brand, type, model, ...detailFields, ...verdictFields }),
  evidence: z.array(Evidence).optional(),
  colours: z.array(z.object({ hex: z.string(), name: z.string(), share: z.number() })).optional(),
});
export type RecognitionCompleted = z.infer<typeof RecognitionCompleted>;

export const RecognitionRequest = z.object({ objectKey: z.string(), ...uploadFields });
export type RecognitionRequest = z.infer<typeof RecognitionRequest>;

const objectKey = "images/2025/12/03/9e4c1a77-2f0b-4d6e-b1c8-6a5d3f90e2b1.png";
const provider = {
  name: "vision",
  apiVersion: "v1",
  featureset: ["LogoDetection", "TextDetection", "WebDetection"],
  maxResults: 5,
};
const reasoning = { reasoningName: null, reasoningModel: null };
const verdict = {
  confidence: 0.9,
  isConfident: true,
  typeConfidence: 0.73,
  typeSource: "web_entity",
  name: "Hitachi, Excavator, ZX135",
};
const details = { weight: null, year: null, attachment: null };

export const recognitionExamples = {
  slim: {
    provider,
    aggregate: { brand: "Hitachi", type: "Excavator", model: "ZX135", ...verdict },
  },
  whole: {
    objectKey,
    provider: { ...provider, ...reasoning },
    aggregate: { brand: "Hitachi", type: "Excavator", model: "ZX135", ...details, ...verdict },
  },
};

export const recognitionRequest = command({
  name: "analysis.recognition.request",
  summary: "Recognise the machine in the picture.",
  handler: "svc-ai-vision-adapter",
  queue: "svc-ai-vision-adapter.recognition",
  body: RecognitionRequest,
  example: {
    objectKey,
    contentType: "image/png",
    checksum: `sha256:${"7c0e".repeat(16)}`,
    bytes: 271804,
  },
});

export const recognitionCompleted = broadcast({
  name: "recognition.completed",
  summary: "The result of recognition; unknown values are null.",
  producer: "svc-ai-vision-adapter",
  flows: ["full"],
  listeners: stepListeners,
  body: RecognitionCompleted,
  example: recognitionExamples.whole,
});

export const recognitionFailed = failureCounterpart({
  step: "recognition",
  producer: "svc-ai-vision-adapter",
  flows: flowNames,
  summary: "A recognition attempt failed; names the attempt and whether another follows.",
});

const onKafka: Route = {
  transport: "kafka",
  topic: "tu.recognition.completed",
  partitions: 4,
  casing: "camel",
  producer: "svc-ai-vision-adapter",
  producerHeader: "svc-ai-vision-adapter",
  body: KafkaRecognition,
  consumers: [
    { service: "svc-messaging-bridge", source: "svc-messaging-bridge", flows: ["current"] },
  ],
};
const onRabbit: Route = {
  transport: "rabbitmq",
  exchange: "tu.recognition.completed",
  exchangeType: "fanout",
  producer: "svc-messaging-bridge",
  producerHeader: "svc-messaging-bridge",
  body: RecognitionPayload,
  consumers: [
    {
      service: "svc-analysis-orchestrator",
      source: "orchestrator.recognition-completed",
      flows: ["current"],
    },
  ],
};

export const tuRecognitionCompleted: Contract = {
  name: "tu.recognition.completed",
  kind: "event",
  summary:
    "The recognition result as deployed: on Kafka from the adapter, on RabbitMQ from the bridge.",
  schemaId: "recognition.completed.v1",
  flows: ["current"],
  routes: [onKafka, onRabbit],
  example: {
    provider: { ...provider, ...reasoning },
    aggregate: {
      brand: "Hitachi",
      machineType: "Excavator",
      model: "ZX135",
      ...details,
      ...verdict,
    },
  },
};
